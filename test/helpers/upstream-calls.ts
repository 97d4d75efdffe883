import type { Emulator } from '../../src/emulator/emulator.js';

/** Every call that DLI and IAM got, but for looks in the list: how many there are is a matter of time. */
export function callsBesideLooks({ ledger }: Emulator): string[] {
  return ledger
    .entries()
    .map(({ operation }) => operation)
    .filter(operation => operation !== 'listConnections');
}
