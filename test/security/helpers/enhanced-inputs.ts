import type { ResourceInput } from '../../helpers/enhanced-gateway.js';
import { POOL_A, POOL_B, QUEUE_DEDICATED, QUEUE_OF_POOL_A } from '../../helpers/enhanced-gateway.js';
import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';
import type { CreateInput } from './create-inputs.js';
import { integer, oddValue, shuffled, withProbability } from './odd-values.js';

const RESOURCES = [POOL_A, POOL_B, QUEUE_DEDICATED, QUEUE_OF_POOL_A];
const SHARES = { optional: 0.5, odd: 0.25 };
const UUID_TAIL = 'a4ad-4835-ad09-08a2f2efccdb';

/** Some distinct pools and queues of the emulator. */
export function someResources(random: Random): ResourceInput[] {
  return shuffled(random, RESOURCES).slice(0, integer(random, 1, RESOURCES.length));
}

/**
 * The input of a create of an enhanced connection: a valid one with a unique name, or one that is very likely invalid.
 *
 * @param run a number below 100 that no other run has
 */
export function enhancedInput(random: Random, run: number, number: number): CreateInput {
  const id = () => `${integer(random, 10_000_000, 99_999_999)}-${UUID_TAIL}`;
  const input = {
    name: `fuzz_enhanced_${run}_${number}`,
    vpcId: id(),
    networkId: id(),
    ...(withProbability(random, SHARES.optional) && { routeTableId: pick(random, [null, id()]) }),
    ...(withProbability(random, SHARES.optional) && { resources: pick(random, [null, [], someResources(random)]) }),
    ...(withProbability(random, SHARES.optional) && {
      hosts: pick(random, [null, [], [{ name: 'node1', ip: '192.168.0.22' }]]),
    }),
    ...(withProbability(random, SHARES.optional) && {
      tags: pick(random, [null, [], [{ key: '部门', value: 'a b' }]]),
    }),
    ...(withProbability(random, SHARES.optional) && { idempotencyKey: `enhanced_key_${run}_${number}` }),
  };
  return withProbability(random, SHARES.odd) ? withOddValue(random, input) : input;
}

/** The input of a bind or unbind. */
export function bindingsInput(random: Random, connectionId: unknown): CreateInput {
  const input = { connectionId, resources: someResources(random) };
  return withProbability(random, SHARES.odd) ? withOddValue(random, input) : input;
}

function withOddValue(random: Random, input: CreateInput): CreateInput {
  return { ...input, [pick(random, Object.keys(input))]: oddValue(random) };
}
