import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';

/** Text that is sent verbatim, for JSON that no JavaScript value serializes to. */
export class RawText {
  constructor(readonly text: string) {}
}

/** Serializes a value as JSON, with {@link RawText} verbatim. */
export function writeJson(value: unknown): string {
  if (value instanceof RawText) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${writeJson(member)}`).join()}}`;
}

/** Returns true with the given probability. */
export function withProbability(random: Random, chance: number): boolean {
  return random() < chance;
}

/** A whole number from `min` to `max`. */
export function integer(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}

/** A random order of values. */
export function shuffled<T>(random: Random, values: readonly T[]): T[] {
  return values
    .map(value => ({ value, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ value }) => value);
}

const ODD_TEXTS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udfffb',
  '\u202e子网不存在',
  '\ufeff',
  'é\u0301\u200b',
  '１２',
  'null',
  'NaN',
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  '%00%0d%0a',
  'a\r\nx-injected: 1',
  '$' + '{7*7}',
  '<script>alert(1)</script>',
  "'; DROP TABLE connections; --",
  'jdbc:mysql://10.0.0.1:3306/a',
  '10.0.0.1:0',
  '10.0.0.1:65536',
  '-',
  '_sys_a',
  'gw_req',
];

/** Values that no field of an input allows, or almost none. */
const ODD_VALUES: readonly ((random: Random) => unknown)[] = [
  random => pick(random, ODD_TEXTS),
  random => pick(random, ODD_TEXTS),
  random => 'x'.repeat(integer(random, 1, 2_000)),
  random => 'é'.repeat(integer(random, 1, 30_000)),
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 0.5,
  () => 2 ** 31,
  () => 2 ** 53,
  () => new RawText('1e400'),
  () => new RawText('-1e400'),
  () => new RawText('-0.0e-400'),
  () => new RawText('5.0'),
  () => new RawText('9'.repeat(400)),
  () => [],
  () => ({}),
  () => [[], {}],
  () => ({ value: 'a' }),
  () => new RawText('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}'),
  () => new RawText('{"a":1,"a":2}'),
  random => new RawText(`[${'1,'.repeat(integer(random, 1, 5_000))}1]`),
  random => new RawText(`[${'{},'.repeat(integer(random, 1, 600))}{}]`),
  random => {
    const depth = integer(random, 1, 2_000);
    return new RawText(`${'['.repeat(depth)}${']'.repeat(depth)}`);
  },
  random => {
    const depth = integer(random, 1, 40);
    return new RawText(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
  },
];

/** A value that no field of an input allows, or almost none. */
export function oddValue(random: Random): unknown {
  return pick(random, ODD_VALUES)(random);
}

/** Changes parts of a text: cuts it, or repeats, removes or inserts characters. */
export function mutateText(random: Random, text: string): string {
  const [from, to] = [integer(random, 0, text.length), integer(random, 0, text.length)].sort((a, b) => a - b) as [
    number,
    number,
  ];
  const part = text.slice(from, Math.min(to, from + 20));
  switch (integer(random, 0, 3)) {
    case 0:
      return text.slice(0, from);
    case 1:
      return text.slice(0, from) + part + text.slice(from);
    case 2:
      return text.slice(0, from) + text.slice(from + part.length);
    default:
      return text.slice(0, from) + pick(random, ODD_TEXTS) + text.slice(from);
  }
}
