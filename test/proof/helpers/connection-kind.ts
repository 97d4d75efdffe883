import type { Emulator, Fault } from '../../../src/emulator/emulator.js';
import type { EnhancedPayload } from '../../helpers/enhanced-gateway.js';
import type { Random } from '../../helpers/random.js';

/** The fields that the inputs of both kinds of creates share. */
export interface PlannedInput {
  idempotencyKey: string;
  name: string;
}

/** A connection or tombstone of the emulator. */
export interface HeldConnection<Input extends PlannedInput = PlannedInput> {
  connectionId: string;
  /** The identity of the create that made it. */
  identity: string;
  createdAtMs: number;
  /** False claims about the connection in a success that answers this input, as sentences. */
  contradictions(input: Input, success: EnhancedPayload): string[];
}

/** What differs between the proofs of classic and of enhanced connections. */
export interface ConnectionKind<Input extends PlannedInput = PlannedInput> {
  /** The create mutation; the payload is its only field. */
  mutation: string;
  /** The name of the create in faults and in the ledger. */
  operation: 'createConnection' | 'createEnhancedConnection';
  /** Faults of other operations. They affect the first request of any create. */
  otherFaults: readonly Fault[];
  /** The share of creates with one of these faults. */
  otherFaultShare: number;
  /** A gateway is killed when DLI receives the next request of this operation; undefined: at any time. */
  killedAt: 'associateQueue' | undefined;
  /** @param number below 100,000,000 and different for each create of a seed */
  planInput(random: Random, seed: string, number: number): Input;
  /** What distinguishes creates, because several may have the same name. */
  identify(input: Input): string;
  /** The identity of the create that sent this body to DLI. */
  identifyRequest(body: string): string;
  /** All connections of this kind, oldest first. Throws if the emulator's ledger is no longer complete. */
  held(emulator: Emulator): HeldConnection<Input>[];
}

/** The number of a create as eight digits. */
export function digitsOf(number: number): string {
  return String(number).padStart(8, '0');
}

/** The rest of a UUID after the digits, a hyphen and one more letter. */
export const UUID_TAIL = '4ad-4835-ad09-08a2f2efccdb';

/** The entries of an operation in the ledger; throws if some were dropped. */
export function allEntries({ ledger }: Emulator, operation: Fault['operation']) {
  const entries = ledger.entries(operation);
  if (entries.length !== ledger.count(operation)) throw new Error('The ledger is incomplete.');
  return entries;
}
