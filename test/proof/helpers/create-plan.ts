import type { Fault } from '../../../src/emulator/emulator.js';
import type { CreateFault } from './fault-alphabet.js';
import { CREATE_FAULTS, LIST_FAULTS } from './fault-alphabet.js';
import { pick, randomOf } from './random.js';

/** The complete input of a create. */
export interface PlannedInput {
  idempotencyKey: string;
  name: string;
  service: string;
  securityGroupId: string;
  networkId: string;
  url: string;
  tags?: { key: string; value: string }[] | null;
}

/** One create: the behaviour of its caller, and the faults. */
export interface CreatePlan {
  input: PlannedInput;
  /** The faults of the first POST, and of the second one if there is one. */
  faults: readonly CreateFault[];
  listFault: Fault | undefined;
  /** Whether the first call is made twice, in parallel. */
  isTwice: boolean;
  /** Milliseconds after which the caller disconnects from the first call. */
  disconnectsAfterMs: number | undefined;
  /** Number of undecided answers after which the caller stops, until all callers repeat their calls at the end. */
  maxUndecided: number;
}

const UUID_TAIL = '4ad-4835-ad09-08a2f2efccdb';
const SHARES = { clean: 0.1, secondFault: 0.5, listFault: 0.15, twice: 0.2, disconnecting: 0.1, fewRetries: 0.7 };

/** Plans a create that depends on the seed and its number only. */
export function planCreate(seed: string, number: number): CreatePlan {
  const random = randomOf(`${seed}/${number}`);
  const faults = random() < SHARES.clean ? [] : [pick(random, CREATE_FAULTS)];
  if (faults.length > 0 && random() < SHARES.secondFault) faults.push(pick(random, CREATE_FAULTS));
  const digits = String(number).padStart(8, '0');
  return {
    input: {
      idempotencyKey: `key-${seed}-${digits}-of-random-faults`,
      name: `c${seed}_${digits}`,
      service: pick(random, ['RDS', 'DWS', 'CSS']),
      securityGroupId: `${digits}-a${UUID_TAIL}`,
      networkId: `${digits}-b${UUID_TAIL}`,
      url: `10.0.${number >> 8}.${number & 255}:5432`,
      tags: random() < 0.5 ? [] : [{ key: 'number', value: digits }],
    },
    faults,
    listFault: random() < SHARES.listFault ? pick(random, LIST_FAULTS) : undefined,
    isTwice: random() < SHARES.twice,
    disconnectsAfterMs: random() < SHARES.disconnecting ? Math.floor(random() * 200) : undefined,
    maxUndecided: random() < SHARES.fewRetries ? 1 : 4,
  };
}
