import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';
import { integer, oddValue, withProbability } from './odd-values.js';

/** The input of a create, as it is sent. */
export type CreateInput = Record<string, unknown>;

const SERVICES = ['CLOUD_TABLE', 'CLOUD_TABLE_OPENTSDB', 'MRS_OPENTSDB', 'DWS', 'RDS', 'CSS'];
const SHARES = { key: 0.7, cluster: 0.1, tags: 0.4, sameName: 0.08, null: 0.1 };
const NEAR_MISSES: readonly ((input: CreateInput) => CreateInput)[] = [
  input => ({ ...input, name: 'n'.repeat(65) }),
  input => ({ ...input, name: `${input['name']}é` }),
  input => ({ ...input, name: `${input['name']}\n` }),
  input => ({ ...input, service: String(input['service']).toLowerCase() }),
  input => ({ ...input, service: 'ORACLE' }),
  input => ({ ...input, networkId: 'n'.repeat(65) }),
  input => ({ ...input, networkId: 42 }),
  input => ({ ...input, securityGroupId: 'a_b' }),
  input => ({ ...input, url: `jdbc:postgresql://${input['url']}` }),
  input => ({ ...input, url: `${input['url']},` }),
  input => ({ ...input, url: `${input['url']} ` }),
  input => ({ ...input, url: `${'a'.repeat(600)}:1` }),
  input => ({ ...input, url: '10.0.0.256:1' }),
  input => ({ ...input, tags: Array.from({ length: 11 }, (_, index) => ({ key: `k${index}`, value: '' })) }),
  input => ({ ...input, tags: [{ key: 'a', value: 'b' }].flatMap(tag => [tag, tag]) }),
  input => ({ ...input, tags: { key: 'single', value: 'tag' } }),
  input => ({ ...input, tags: [{ key: '_sys_a', value: '' }] }),
  input => ({ ...input, tags: [{ key: 'gw_req', value: '' }] }),
  input => ({ ...input, tags: [{ key: ' a', value: 'b'.repeat(256) }] }),
  input => ({ ...input, tags: [{ key: 'a' }, null] }),
  input => ({ ...input, idempotencyKey: 'k'.repeat(15) }),
  input => ({ ...input, idempotencyKey: 'k'.repeat(65) }),
  input => ({ ...input, clusterName: '' }),
  input => ({ ...input, nothing: 1 }),
  ({ url: _url, ...input }) => input,
  ({ name: _name, ...input }) => input,
];

/**
 * A valid input. No input with other numbers has its address, which therefore identifies the create.
 *
 * @param run a number below 100 that no other run has
 */
export function createInput(random: Random, run: number, number: number): CreateInput {
  const service = pick(random, SERVICES);
  const url = `10.${run}.${number >> 8}.${number & 255}:${integer(random, 1, 65_535)}`;
  const optional = <T>(share: number, value: T): T | null | undefined => {
    if (withProbability(random, share)) return value;
    return withProbability(random, SHARES.null) ? null : undefined;
  };
  return {
    name: nameOf(run, number),
    service,
    securityGroupId: randomIdOf(random),
    networkId: randomIdOf(random),
    url: service === 'CLOUD_TABLE' && withProbability(random, 0.5) ? `${url},zk${number}.example.com:2181` : url,
    clusterName: optional(SHARES.cluster, pick(random, ['cluster_1', 'c'.repeat(128), 'default'])),
    tags: optional(
      SHARES.tags,
      Array.from({ length: integer(random, 0, 10) }, (_, index) => ({ key: `部门 ${index}`, value: 'a b+c' })),
    ),
    idempotencyKey: optional(SHARES.key, `key_${run}_${number}_`.padEnd(integer(random, 20, 64), 'k')),
  };
}

/** The name in the input with these numbers. */
export function nameOf(run: number, number: number): string {
  return `fuzz_${run}_${number}`;
}

/** Changes an input so that it is very likely invalid. */
export function mutateInput(random: Random, input: CreateInput): CreateInput {
  if (withProbability(random, 0.6)) return pick(random, NEAR_MISSES)(input);
  return { ...input, [pick(random, Object.keys(input))]: oddValue(random) };
}

function randomIdOf(random: Random): string {
  const digits = Math.floor(random() * 2 ** 32).toString(16);
  return withProbability(random, 0.8) ? `${digits.padStart(8, '0')}-a4ad-4835-ad09-08a2f2efccdb` : digits;
}
