import type { Fault } from '../../../src/emulator/emulator.js';
import type { CreateFault } from './fault-alphabet.js';
import { CREATE_FAULTS, LIST_FAULTS } from './fault-alphabet.js';
import { pick, randomOf } from './random.js';

/** The input of a create, complete. */
export interface PlannedInput {
  idempotencyKey: string;
  name: string;
  service: string;
  securityGroupId: string;
  networkId: string;
  url: string;
  tags: { key: string; value: string }[];
}

/** One create: what its caller does and what goes wrong. */
export interface CreatePlan {
  input: PlannedInput;
  /** What happens to the first POST, and to the second one if there is any. */
  faults: readonly CreateFault[];
  listFault: Fault | undefined;
  /** Whether the first call is made twice at once. */
  isTwice: boolean;
  /** Milliseconds after which the caller breaks off the first call. */
  leavesAfterMs: number | undefined;
  /** How many calls the caller makes at first while the outcome is in doubt; the rest it makes at the end. */
  patience: number;
}

const UUID_TAIL = '4ad-4835-ad09-08a2f2efccdb';
const SHARES = { clean: 0.1, secondFault: 0.5, listFault: 0.15, twice: 0.2, leaving: 0.1, fewRetries: 0.7 };

/** A create that follows from the seed and its number alone. */
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
    leavesAfterMs: random() < SHARES.leaving ? Math.floor(random() * 200) : undefined,
    patience: random() < SHARES.fewRetries ? 1 : 4,
  };
}
