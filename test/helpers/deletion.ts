import type { StoredConnection } from '../../src/emulator/connections.js';
import type { Emulator } from '../../src/emulator/emulator.js';
import type { GraphqlAnswer, Payload, TestGateway } from './gateway.js';

/** The delete mutation with every field of every member. */
const DELETE_MUTATION = `
  mutation Delete($input: DeleteDatasourceConnectionInput!) {
    deleteDatasourceConnection(input: $input) {
      __typename
      ... on DeleteDatasourceConnectionSuccess { connectionId }
      ... on InvalidInputError { problems { path code message limit } }
      ... on ConnectionNotFoundError { connectionId }
      ... on ConnectionCreatingError { retryAfterSeconds }
      ... on DliRejectedError { dliCode requestId }
      ... on DliUnavailableError { retryAfterSeconds }
      ... on DeleteOutcomeUnknownError { reason retryAfterSeconds requestId }
      ... on UserError { message code }
    }
  }`;

/** The `__typename` of a delete's payload. */
export const DELETED = 'DeleteDatasourceConnectionSuccess';

/** An id that no connection has. */
export const NO_ID = '00000000-0000-4000-8000-000000000000';

/** Sends a delete and returns the whole response. */
export function sendDelete(
  gateway: Pick<TestGateway, 'send'>,
  id: string,
  headers: Record<string, string> = {},
): Promise<GraphqlAnswer> {
  return gateway.send({ query: DELETE_MUTATION, variables: { input: { id } } }, headers);
}

/** Deletes a connection and returns the payload. */
export async function remove(
  gateway: Pick<TestGateway, 'send'>,
  id: string,
  headers: Record<string, string> = {},
): Promise<Payload> {
  const { body } = await sendDelete(gateway, id, headers);
  const payload = body.data?.['deleteDatasourceConnection'];
  if (payload === undefined || payload === null) throw new Error(`No payload: ${JSON.stringify(body)}`);
  return payload as Payload;
}

/** Creates a connection that can be deleted, and returns its id. */
export function seed(emulator: Emulator, partial: Partial<StoredConnection> = {}): string {
  return emulator.seedConnection({ state: 'ACTIVE', ...partial }).connectionId;
}

/** Whether DLI has the connection, in any state but DELETED. */
export function exists(emulator: Emulator, id: string): boolean {
  return emulator.connections().some(({ connectionId, state }) => connectionId === id && state !== 'DELETED');
}

/** Number of deletes that DLI received. */
export function deletesSentTo({ ledger }: Emulator): number {
  return ledger.count('deleteConnection');
}
