import type { Dispatcher } from 'undici';

/** The input of a create, apart from its name. */
export const CREATE_INPUT = {
  service: 'RDS',
  securityGroupId: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
  networkId: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
  url: '192.168.0.12:5432',
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

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

interface CreateAnswer {
  readonly errors?: unknown;
  readonly data?: {
    readonly createDatasourceConnection?: {
      readonly __typename?: unknown;
      readonly connectionId?: unknown;
    };
  };
}

/** An answer other than "created"; `status` is the HTTP status, the message shows the body. */
export class WrongAnswerError extends Error {
  readonly status: number;

  constructor(status: number, body: string) {
    super(`Wrong answer, HTTP ${status}: ${body.slice(0, 1000)}`);
    this.status = status;
  }
}

/**
 * Creates one connection called `name` through a variant and returns the id that came back.
 *
 * @throws {WrongAnswerError} unless the answer is HTTP 200, free of errors, a success, and has a UUID.
 * @throws {Error} undici's own, when there is no answer.
 */
export async function sendCreate(dispatcher: Dispatcher, origin: string, name: string): Promise<string> {
  const response = await dispatcher.request({
    origin,
    path: '/graphql',
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({
      query: DOCUMENT,
      operationName: 'Create',
      variables: {
        input: { ...CREATE_INPUT, name },
      },
    }),
  });
  const body = await response.body.text();
  const connectionId = response.statusCode === 200 ? readConnectionId(body) : undefined;
  if (connectionId === undefined) throw new WrongAnswerError(response.statusCode, body);
  return connectionId;
}

function readConnectionId(body: string): string | undefined {
  const { errors, data } = parseAnswer(body);
  const payload = data?.createDatasourceConnection;
  if (errors !== undefined || payload?.__typename !== 'CreateDatasourceConnectionSuccess') return undefined;
  const { connectionId } = payload;
  return typeof connectionId === 'string' && UUID.test(connectionId) ? connectionId : undefined;
}

function parseAnswer(body: string): CreateAnswer {
  try {
    return JSON.parse(body) as CreateAnswer;
  } catch {
    return {};
  }
}
