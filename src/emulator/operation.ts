/** The calls that the emulator understands, by the names used in faults and in the ledger. */
export const OPERATIONS = [
  'createConnection',
  'getConnection',
  'listConnections',
  'deleteConnection',
  'issueToken',
  'listProjects',
] as const;

/** A call that the emulator understands. */
export type Operation = (typeof OPERATIONS)[number];

/** A call as the ledger names it: one that was understood, or `unknown`. */
export type LedgerOperation = Operation | 'unknown';

/** Which service answers a call; the two word their errors differently. */
type EmulatedService = 'dli' | 'iam';

/** Where a request was going. */
export interface Route {
  readonly operation: LedgerOperation;
  readonly service: EmulatedService;
  readonly projectId: string;
  readonly connectionId: string;
}
