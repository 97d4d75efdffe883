import type { Dispatcher } from 'undici';
import { UUID } from './create-request.js';
import { sendGraphql } from './graphql-request.js';

/** Connections on one page. */
export const PAGE_SIZE = 20;

/** The expected contents of a page. */
export interface ExpectedPage {
  /** The names of its items, in order. */
  readonly names: readonly string[];
  readonly totalCount: number;
}

interface PageData {
  readonly datasourceConnections?: {
    readonly totalCount?: unknown;
    readonly nextCursor?: unknown;
    readonly items?: readonly { readonly id?: unknown; readonly name?: unknown; readonly state?: unknown }[];
  };
}

interface DeleteData {
  readonly deleteDatasourceConnection?: { readonly __typename?: unknown; readonly connectionId?: unknown };
}

const PAGE_DOCUMENT = `query Page {
  datasourceConnections(first: ${PAGE_SIZE}) {
    totalCount
    nextCursor
    items {
      __typename id name state
      ... on ClassicDatasourceConnection { service destination createdAt }
    }
  }
}`;

const DELETE_DOCUMENT = `mutation Delete($input: DeleteDatasourceConnectionInput!) {
  deleteDatasourceConnection(input: $input) {
    __typename
    ... on DeleteDatasourceConnectionSuccess { connectionId }
    ... on UserError { message code }
  }
}`;

/**
 * Asks a gateway for the first page of the list, newest first.
 *
 * @throws {WrongAnswerError} unless it is the expected page, and further pages follow.
 */
export async function sendPage(dispatcher: Dispatcher, origin: string, expected: ExpectedPage): Promise<void> {
  const request = { query: PAGE_DOCUMENT, operationName: 'Page' };
  await sendGraphql(dispatcher, origin, request, ({ datasourceConnections: page }: PageData) => {
    const { totalCount, nextCursor, items = [] } = page ?? {};
    if (totalCount !== expected.totalCount || typeof nextCursor !== 'string') return undefined;
    if (items.length !== expected.names.length) return undefined;
    const areRight = items.every(
      ({ id, name, state }, index) => UUID.test(String(id)) && name === expected.names[index] && state === 'ACTIVE',
    );
    return areRight || undefined;
  });
}

/**
 * Deletes one connection through a gateway.
 *
 * @throws {WrongAnswerError} unless the answer is a success with this id.
 */
export async function sendDelete(dispatcher: Dispatcher, origin: string, id: string): Promise<void> {
  const request = { query: DELETE_DOCUMENT, operationName: 'Delete', variables: { input: { id } } };
  await sendGraphql(dispatcher, origin, request, ({ deleteDatasourceConnection: payload }: DeleteData) => {
    const isSuccess = payload?.__typename === 'DeleteDatasourceConnectionSuccess';
    return (isSuccess && payload.connectionId === id) || undefined;
  });
}
