import type { EmulatorProcess, LedgerCall } from './emulator.js';
import type { CreateCall } from './traffic.js';

/** Answers that claim that nothing was created. */
const DEFINITE_NO = /^(?:DliUnavailableError|DliRejectedError|InvalidInputError|503 |429 )/;

/** The create calls that DLI received, by the name of the connection. */
export async function createsByName(emulator: EmulatorProcess): Promise<Map<string, LedgerCall[]>> {
  return addCreates(new Map(), await emulator.calls('createConnection'));
}

/** Adds create calls to those of the same name. */
export function addCreates(byName: Map<string, LedgerCall[]>, calls: readonly LedgerCall[]): Map<string, LedgerCall[]> {
  for (const call of calls) {
    const { name } = JSON.parse(call.body) as { name: string };
    byName.set(name, [...(byName.get(name) ?? []), call]);
  }
  return byName;
}

/** Contradictions between the answers and what DLI did: duplicates, false successes and false refusals. */
export function findContradictions(
  creates: readonly CreateCall[],
  byName: ReadonlyMap<string, LedgerCall[]>,
): string[] {
  return creates.flatMap(({ name, endings }) => {
    const applied = (byName.get(name) ?? []).flatMap(({ appliedConnectionId }) => appliedConnectionId ?? []);
    const wrong = applied.length > 1 ? [`${name} was created ${applied.length} times`] : [];
    const ids = new Set(endings.flatMap(({ connectionId }) => connectionId ?? []));
    for (const id of ids) if (!applied.includes(id)) wrong.push(`${name}: DLI never created ${id}`);
    const last = endings.at(-1)?.outcome ?? '';
    if (applied.length > 0 && ids.size === 0 && DEFINITE_NO.test(last))
      wrong.push(`${name} was created, but its answer is ${last}`);
    return wrong;
  });
}

/** Whether DLI executed a create whose last answer is that its outcome is unknown. */
export function isExecutedButUnknown(
  { name, endings }: CreateCall,
  byName: ReadonlyMap<string, LedgerCall[]>,
): boolean {
  const isExecuted = byName.get(name)?.some(call => call.appliedConnectionId !== undefined) === true;
  return isExecuted && endings.at(-1)?.outcome.startsWith('OutcomeUnknownError') === true;
}
