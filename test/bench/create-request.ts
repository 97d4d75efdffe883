import { randomBytes } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { sendGraphql } from './graphql-request.js';

/** The input of a create, apart from its name. */
export const CREATE_INPUT = {
  service: 'RDS',
  securityGroupId: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
  networkId: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
  url: '192.168.0.12:5432',
};

/** The kinds of connections, by their names in the schema. */
export type ConnectionKind = 'CLASSIC' | 'ENHANCED';

const ENHANCED_INPUT = {
  vpcId: '22094d8f-c310-4621-913d-4c4d655d8495',
  networkId: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
};

// No `message` of the success: GraphQL refuses one name for a nullable and a non-null field (5.3.2 "Field
// Selection Merging"), and an error's message is not null.
const DOCUMENT = `mutation Create($input: CreateDatasourceConnectionInput!) {
  createDatasourceConnection(input: $input) {
    __typename
    ... on CreateDatasourceConnectionSuccess { connectionId }
    ... on UserError { message code }
  }
}`;

const ENHANCED_DOCUMENT = `mutation Create($input: CreateEnhancedDatasourceConnectionInput!) {
  createDatasourceConnection: createEnhancedDatasourceConnection(input: $input) {
    __typename
    ... on CreateEnhancedDatasourceConnectionSuccess { connectionId }
    ... on UserError { message code }
  }
}`;

/** The form of a connection id. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

interface CreateData {
  readonly createDatasourceConnection?: { readonly __typename?: unknown; readonly connectionId?: unknown };
}

const runId = randomBytes(4).toString('hex');
let names = 0;

/** A name that no other connection of this run has. */
export function freshName(): string {
  names += 1;
  return `bench_${runId}_${names}`;
}

/**
 * Creates one connection called `name` through a variant and returns the id from the answer.
 *
 * @throws {WrongAnswerError} unless the answer is a success and has a UUID.
 */
export async function sendCreate(
  dispatcher: Dispatcher,
  origin: string,
  name: string,
  kind: ConnectionKind = 'CLASSIC',
): Promise<string> {
  const isClassic = kind === 'CLASSIC';
  const variables = { input: { ...(isClassic ? CREATE_INPUT : ENHANCED_INPUT), name } };
  const request = { query: isClassic ? DOCUMENT : ENHANCED_DOCUMENT, operationName: 'Create', variables };
  const success = `Create${isClassic ? '' : 'Enhanced'}DatasourceConnectionSuccess`;
  return sendGraphql(dispatcher, origin, request, ({ createDatasourceConnection: payload }: CreateData) => {
    if (payload?.__typename !== success) return undefined;
    const { connectionId } = payload;
    return typeof connectionId === 'string' && UUID.test(connectionId) ? connectionId : undefined;
  });
}
