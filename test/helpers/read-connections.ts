import type { GraphqlAnswer, TestGateway } from './gateway.js';

/** Every field of a connection. */
export const CONNECTION_FIELDS = `
  __typename id name state stateText createdAt
  queues { name state failureReason updatedAt }
  tags { key value }
  ... on ClassicDatasourceConnection {
    service serviceText destination progress failureReason connectionAddress clusterName
  }`;

/** A connection in a GraphQL response. */
export interface ShownConnection {
  id: string;
  name: string;
  state: string;
  stateText: string | null;
  progress: number | null;
  failureReason: string | null;
  connectionAddress: string | null;
  createdAt: string | null;
  tags: { key: string; value: string }[] | null;
}

/** A page in a GraphQL response. */
export interface ShownPage {
  items: ShownConnection[];
  nextCursor: string | null;
  totalCount: number;
}

type Sender = Pick<TestGateway, 'send'>;

/** Queries one connection, with further arguments such as `waitSeconds: 5`. */
export function queryConnection({ send }: Sender, id: string, more = ''): Promise<GraphqlAnswer> {
  const query = `query ($id: ID!) { datasourceConnection(id: $id ${more}) { ${CONNECTION_FIELDS} } }`;
  return send({ query, variables: { id } });
}

/** Returns one connection; null if it does not exist. */
export async function connectionOf(gateway: Sender, id: string, more = ''): Promise<ShownConnection | null> {
  const { body } = await queryConnection(gateway, id, more);
  if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors));
  return body.data?.['datasourceConnection'] as ShownConnection | null;
}

/** Queries a page with these arguments, such as `first: 10`. */
export function queryPage({ send }: Sender, argumentsText = ''): Promise<GraphqlAnswer> {
  const given = argumentsText === '' ? '' : `(${argumentsText})`;
  return send({
    query: `{ datasourceConnections${given} { totalCount nextCursor items { ${CONNECTION_FIELDS} } } }`,
  });
}

/** Returns a page for these arguments. */
export async function pageOf(gateway: Sender, argumentsText = ''): Promise<ShownPage> {
  const { body } = await queryPage(gateway, argumentsText);
  if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors));
  return body.data?.['datasourceConnections'] as ShownPage;
}
