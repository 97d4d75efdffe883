import { ConnectionState, stateOfWireName } from '../dli/connection.js';
import type { DliClient } from '../dli/dli-client.js';
import type { OperationScope } from '../dli/dli-error.js';

/** What a look at a connection shows. */
export type ConnectionSight = 'gone' | 'creating' | 'there';

/**
 * Looks whether a connection is there.
 *
 * @throws {DliError} as {@link DliClient.getForDeletion}
 */
export async function lookAt(
  dli: Pick<DliClient, 'getForDeletion'>,
  connectionId: string,
  scope: OperationScope,
): Promise<ConnectionSight> {
  const connection = await dli.getForDeletion(connectionId, scope);
  if (connection === undefined) return 'gone';
  switch (stateOfWireName(connection.state)) {
    case ConnectionState.DELETED:
      return 'gone';
    case ConnectionState.CREATING:
      return 'creating';
    default:
      return 'there';
  }
}
