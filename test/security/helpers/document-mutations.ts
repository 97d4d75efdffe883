import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';
import { integer, mutateText, withProbability } from './odd-values.js';

const TOKEN = /[_A-Za-z]\w*|\.\.\.|"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?|#.*|\S/g;

// No small number above 1, because as `waitSeconds` it would cause a wait.
const ODD_TOKENS = [
  '{',
  '}',
  '(',
  ')',
  '[',
  ']',
  '...',
  '$',
  '@',
  '!',
  ':',
  '&',
  '|',
  '\0',
  '\ud800',
  '"\\ud800"',
  '"\\u{110000}"',
  '"',
  '"""',
  '""" a """',
  '0',
  '-1',
  '00',
  '1e400',
  '2147483648',
  '9'.repeat(400),
  'null',
  'true',
  'on',
  'query',
  'mutation',
  'subscription',
  'fragment',
  'type Query { a: Int }',
  '__proto__',
  'constructor',
  '__schema { types { name fields { name } } }',
  '__type(name: "Query") { name }',
  'nothing',
  '@skip(if: true)',
  '@include(if: $nothing)',
  '@deprecated',
  '@defer',
  '@stream(initialCount: 0)',
  '...Nothing',
  'x'.repeat(200),
];

const STRUCTURES: readonly ((random: Random, query: string) => string)[] = [
  (random, query) => `${query} ${query.slice(0, integer(random, 0, query.length))}`,
  (_random, query) => `${query} ${query}`,
  (_random, query) => query.replace('{', '{ ...Cycle1 ') + cycle(1),
  (random, query) => query.replace('{', '{ ...Cycle1 ') + cycle(integer(random, 2, 30)),
  (random, query) => query.replace('{', `{ ${aliases(integer(random, 10, 400))} `),
  (random, query) => query.replace('{', `{ __typename ${'@skip(if: true) '.repeat(integer(random, 1, 120))}`),
  (random, query) => query.replace('{', `{ ${'__typename '.repeat(integer(random, 1, 600))}`),
  (random, query) => query.replace('{', `{ ${nested(integer(random, 1, 450))} `),
  (random, query) => query.replace('{', `{ datasourceServices(a: ${'['.repeat(integer(random, 1, 900))}) `),
  (random, query) => query.replace('{', `{ datasourceServices(a: ${'{a:'.repeat(integer(random, 1, 450))}) `),
  (random, query) => query.replace('{', `{ ${'... { '.repeat(integer(random, 1, 900))}`),
  (random, query) => `query (${variables(integer(random, 1, 240))}) { __typename } ${query}`,
  (random, query) => `query ($a: ${'['.repeat(integer(random, 1, 900))}Int) { __typename } ${query}`,
  (random, query) => query + doubling(integer(random, 2, 60)),
  (random, query) => `${query} #${'x'.repeat(integer(random, 1, 20_000))}`,
  (random, query) => `${' '.repeat(integer(random, 1, 20_000))}${query}`,
  (random, query) => `${'query A { __typename } '.repeat(integer(random, 1, 150))}${query}`,
];

/** Changes a valid document: its text, its tokens or its structure. The result is rarely valid. */
export function mutateDocument(random: Random, query: string): string {
  const kind = random();
  if (kind < 0.2) return mutateText(random, query);
  if (kind < 0.5) return pick(random, STRUCTURES)(random, query);
  let tokens: string[] = query.match(TOKEN) ?? [];
  for (let changes = integer(random, 1, 3); changes > 0; changes -= 1) tokens = mutateTokens(random, tokens);
  return tokens.join(' ');
}

function mutateTokens(random: Random, tokens: readonly string[]): string[] {
  const at = integer(random, 0, Math.max(0, tokens.length - 1));
  const token = tokens[at] ?? '{';
  const other = integer(random, 0, Math.max(0, tokens.length - 1));
  switch (integer(random, 0, 4)) {
    case 0:
      return tokens.toSpliced(at, 1);
    case 1:
      return tokens.toSpliced(at, 0, token);
    case 2:
      return tokens.with(at, tokens[other] ?? token).with(other, token);
    case 3:
      return tokens.with(at, pick(random, ODD_TOKENS));
    default:
      return tokens.toSpliced(
        at,
        0,
        withProbability(random, 0.5) ? (tokens[other] ?? token) : pick(random, ODD_TOKENS),
      );
  }
}

function cycle(length: number): string {
  const fragments = Array.from({ length }, (_, index) => {
    const next = ((index + 1) % length) + 1;
    return ` fragment Cycle${index + 1} on Query { ...Cycle${next} }`;
  });
  return fragments.join('');
}

/** Fragments that each spread the next one twice. */
function doubling(length: number): string {
  const fragments = Array.from(
    { length },
    (_, index) => ` fragment Double${index} on Query { ...Double${index + 1} ...Double${index + 1} }`,
  );
  return `${fragments.join('')} fragment Double${length} on Query { __typename } query Doubled { ...Double0 }`;
}

function aliases(count: number): string {
  return Array.from({ length: count }, (_, index) => `b${index}: __typename`).join(' ');
}

function nested(depth: number): string {
  return `${'datasourceServices { '.repeat(depth)}service ${'} '.repeat(depth)}`;
}

function variables(count: number): string {
  return Array.from({ length: count }, (_, index) => `$w${index}: Int`).join(' ');
}
