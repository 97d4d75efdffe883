import type { Fault } from '../../../src/emulator/emulator.js';
import { pick, randomOf } from '../../helpers/random.js';
import type { ConnectionKind, PlannedInput } from './connection-kind.js';
import type { CreateFault } from './fault-alphabet.js';
import { CREATE_FAULTS } from './fault-alphabet.js';

/** One create: the behaviour of its caller and the faults that it meets. */
export interface CreatePlan<Input extends PlannedInput = PlannedInput> {
  input: Input;
  /** The faults of the first POST, and of the second one if there is one. */
  faults: readonly CreateFault[];
  /** A fault of another operation, such as a list. */
  otherFault: Fault | undefined;
  /** Whether the first call is made twice, in parallel. */
  isTwice: boolean;
  /** Milliseconds after which the caller disconnects from the first call. */
  disconnectsAfterMs: number | undefined;
  /** Number of undecided answers after which the caller stops, until all callers repeat their calls at the end. */
  maxUndecided: number;
}

const SHARES = { clean: 0.1, secondFault: 0.5, twice: 0.2, disconnecting: 0.1, fewRetries: 0.7 };

/** Plans a create that depends on the kind, the seed and its number only. */
export function planCreate<Input extends PlannedInput>(
  kind: ConnectionKind<Input>,
  seed: string,
  number: number,
): CreatePlan<Input> {
  const random = randomOf(`${seed}/${number}`);
  const faults = random() < SHARES.clean ? [] : [pick(random, CREATE_FAULTS)];
  if (faults.length > 0 && random() < SHARES.secondFault) faults.push(pick(random, CREATE_FAULTS));
  return {
    input: kind.planInput(random, seed, number),
    faults,
    otherFault: random() < kind.otherFaultShare ? pick(random, kind.otherFaults) : undefined,
    isTwice: random() < SHARES.twice,
    disconnectsAfterMs: random() < SHARES.disconnecting ? Math.floor(random() * 200) : undefined,
    maxUndecided: random() < SHARES.fewRetries ? 1 : 4,
  };
}
