import type { Emulator } from '../../src/emulator/emulator.js';

/** Every call that DLI and IAM received, except list reads, whose number depends on timing. */
export function callsExceptListReads({ ledger }: Emulator): string[] {
  return ledger
    .entries()
    .map(({ operation }) => operation)
    .filter(operation => operation !== 'listConnections');
}
