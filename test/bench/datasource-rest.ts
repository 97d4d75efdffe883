/**
 * Entry point of the peer with Apollo's own REST client: Apollo's stand-alone server, a schema in SDL, and
 * `@apollo/datasource-rest` with its defaults. No signing, no records, and no validation beyond GraphQL's own.
 */
import { RESTDataSource } from '@apollo/datasource-rest';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';

interface CreateInput {
  readonly name: string;
  readonly service: string;
  readonly securityGroupId: string;
  readonly networkId: string;
  readonly url: string;
  readonly clusterName?: string | null;
  readonly tags?: readonly { readonly key: string; readonly value: string }[] | null;
}

interface CreateAnswer {
  readonly message: string;
  readonly connection_id: string;
}

interface Context {
  readonly dli: DliApi;
}

const TYPE_DEFS = `
  enum DatasourceService { CLOUD_TABLE CLOUD_TABLE_OPENTSDB MRS_OPENTSDB DWS RDS CSS }

  input TagInput { key: String! value: String! }

  input CreateDatasourceConnectionInput {
    name: String!
    service: DatasourceService!
    securityGroupId: ID!
    networkId: ID!
    url: String!
    clusterName: String
    tags: [TagInput!]
  }

  interface UserError { message: String! code: String! }
  type DliRejectedError implements UserError { message: String! code: String! }
  type CreateDatasourceConnectionSuccess { connectionId: ID! message: String }
  union CreateDatasourceConnectionPayload = CreateDatasourceConnectionSuccess | DliRejectedError

  type Query { ping: Boolean! }
  type Mutation {
    createDatasourceConnection(input: CreateDatasourceConnectionInput!): CreateDatasourceConnectionPayload!
  }
`;

const { CREATE_URL: createUrl = '', HOST: host = '127.0.0.1', PORT } = process.env;

class DliApi extends RESTDataSource {
  override baseURL = createUrl;

  protected override willSendRequest(_path: string, { headers }: { headers: Record<string, string> }): void {
    headers['x-auth-token'] = 'benchmark-token';
  }

  createConnection(input: CreateInput): Promise<CreateAnswer> {
    return this.post<CreateAnswer>('', {
      body: {
        name: input.name,
        service: input.service,
        security_group_id: input.securityGroupId,
        network_id: input.networkId,
        url: input.url,
        ...(input.clusterName ? { cluster_name: input.clusterName } : {}),
        ...(input.tags ? { tags: input.tags } : {}),
      },
    });
  }
}

// Spelled as in DLI.
const DatasourceService = {
  CLOUD_TABLE: 'cloudtable',
  CLOUD_TABLE_OPENTSDB: 'cloudtable.opentsdb',
  MRS_OPENTSDB: 'mrs.opentsdb',
  DWS: 'dws',
  RDS: 'rds',
  CSS: 'css',
};

const resolvers = {
  DatasourceService,
  Query: { ping: () => true },
  Mutation: {
    async createDatasourceConnection(_root: unknown, { input }: { input: CreateInput }, { dli }: Context) {
      try {
        const { connection_id: connectionId, message } = await dli.createConnection(input);
        return { __typename: 'CreateDatasourceConnectionSuccess', connectionId, message: message || null };
      } catch (error) {
        const { extensions } = error as { extensions?: { response?: { status: number } } };
        if (extensions?.response === undefined) throw error;
        const code = String(extensions.response.status);
        return { __typename: 'DliRejectedError', message: 'DLI refused to create the connection.', code };
      }
    },
  },
};

const server = new ApolloServer<Context>({ typeDefs: TYPE_DEFS, resolvers });
await startStandaloneServer(server, {
  listen: { host, port: Number(PORT) },
  // A data source is made for each request, as Apollo's documentation says.
  context: async () => ({ dli: new DliApi({ cache: server.cache }) }),
});
