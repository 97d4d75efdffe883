/** A request that the explorer shows in a tab. */
interface ExampleRequest {
  query: string;
  variables: Readonly<Record<string, unknown>>;
}

const POOL = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_a' };
const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';

/** The example of a create, which works unchanged. */
export const EXAMPLE_CREATE: ExampleRequest = {
  query: `# Creates a connection. Run it twice: a repeat with the same idempotencyKey gets the same connection.
mutation CreateConnection($input: CreateDatasourceConnectionInput!) {
  createDatasourceConnection(input: $input) {
    __typename
    ... on CreateDatasourceConnectionSuccess {
      connectionId
      reconciled
    }
    ... on InvalidInputError {
      problems {
        path
        message
      }
    }
    ... on UserError {
      message
      code
    }
  }
}
`,
  variables: {
    input: {
      idempotencyKey: 'explorer-example-1',
      name: 'orders_pg',
      service: 'RDS',
      securityGroupId: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
      networkId: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
      url: '192.168.0.12:5432',
    },
  },
};

/** The examples of the explorer, one in each tab, in the order in which a newcomer needs them. */
export const EXAMPLE_REQUESTS: readonly ExampleRequest[] = [
  EXAMPLE_CREATE,
  {
    query: `# Creates an enhanced connection, the kind for new data sources, and binds it to two pools.
mutation CreateEnhancedConnection($input: CreateEnhancedDatasourceConnectionInput!) {
  createEnhancedDatasourceConnection(input: $input) {
    __typename
    ... on CreateEnhancedDatasourceConnectionSuccess {
      connectionId
      notBound {
        name
        message
      }
    }
    ... on InvalidInputError {
      problems {
        path
        message
      }
    }
    ... on UserError {
      message
      code
    }
  }
}
`,
    variables: {
      input: {
        idempotencyKey: 'explorer-example-2',
        name: 'orders_vpc',
        vpcId: '22094d8f-c310-4621-913d-4c4d655d8495',
        networkId: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
        resources: [POOL, { ...POOL, name: 'pool_b' }],
      },
    },
  },
  {
    query: `# Lists connections in pages: send nextCursor as $after to get the next page.
query ListConnections($first: Int, $after: String, $filter: DatasourceConnectionFilter) {
  datasourceConnections(first: $first, after: $after, filter: $filter) {
    totalCount
    nextCursor
    unavailableKinds
    items {
      id
      name
      state
      ... on ClassicDatasourceConnection {
        service
        destination
      }
      ... on EnhancedDatasourceConnection {
        readiness
        bindings {
          name
          state
        }
      }
    }
  }
}
`,
    variables: { first: 10, after: null, filter: { name: 'orders' } },
  },
  {
    query: `# Follows a connection until it is settled and, if it is enhanced, untilBound is bound or has failed.
# Put the connectionId of your create into the variables.
subscription FollowConnection($id: ID!, $untilBound: [ConnectionResourceInput!]) {
  datasourceConnection(id: $id, untilBound: $untilBound) {
    id
    state
    ... on ClassicDatasourceConnection {
      progress
      failureReason
    }
    ... on EnhancedDatasourceConnection {
      readiness
      bindings {
        name
        state
        failure {
          cause
          advice
        }
      }
    }
  }
}
`,
    variables: { id: ID, untilBound: [POOL] },
  },
  {
    query: `# Binds an enhanced connection to more pools and queues. Put the connectionId of your create into the variables.
mutation BindConnection($input: ConnectionResourcesInput!) {
  bindDatasourceConnection(input: $input) {
    __typename
    ... on BindDatasourceConnectionSuccess {
      bindings {
        name
        state
      }
    }
    ... on UserError {
      message
      code
    }
  }
}
`,
    variables: { input: { connectionId: ID, resources: [{ kind: 'QUEUE', name: 'queue_dedicated' }] } },
  },
  {
    query: `# Deletes a connection for good. Put the connectionId of your create into the variables.
mutation DeleteConnection($input: DeleteDatasourceConnectionInput!) {
  deleteDatasourceConnection(input: $input) {
    __typename
    ... on UserError {
      message
      code
    }
  }
}
`,
    variables: { input: { id: ID } },
  },
];
