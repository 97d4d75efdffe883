/** A request that the explorer shows in a tab. */
interface ExampleRequest {
  query: string;
  variables: Readonly<Record<string, unknown>>;
}

const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';

/** The example of a create, which works as it is. */
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
    query: `# Lists connections in pages: send nextCursor as $after to get the next page.
query ListConnections($first: Int, $after: String, $filter: DatasourceConnectionFilter) {
  datasourceConnections(first: $first, after: $after, filter: $filter) {
    totalCount
    nextCursor
    items {
      id
      name
      state
      ... on ClassicDatasourceConnection {
        service
        destination
      }
    }
  }
}
`,
    variables: { first: 10, after: null, filter: { name: 'orders' } },
  },
  {
    query: `# Follows a connection until it is ACTIVE or FAILED. Put the connectionId of your create into the variables.
subscription FollowConnection($id: ID!) {
  datasourceConnection(id: $id) {
    id
    state
    ... on ClassicDatasourceConnection {
      progress
      failureReason
    }
  }
}
`,
    variables: { id: ID },
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
