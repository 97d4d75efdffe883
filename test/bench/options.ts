import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { VariantName } from './variants.js';
import { DEFAULT_VARIANTS, VARIANTS } from './variants.js';

/** The options of one run of the benchmark. */
export interface BenchOptions {
  readonly variants: readonly VariantName[];
  /** Folder of another checkout, whose build is measured as `baseline`. */
  readonly baseline: string | undefined;
  /** File for the results. */
  readonly json: string;
  readonly counts: Readonly<Record<CountName, number>>;
}

/** The names of the numeric flags. */
type CountName = keyof typeof COUNTS;

/** For every numeric flag: its default, its value with `--quick`, and its minimum. */
const COUNTS = {
  /** Measured rounds of everything, interleaved. */
  rounds: { normal: 10, quick: 3, min: 1 },
  /** Starts of each variant; the last process is the one that is measured. */
  starts: { normal: 3, quick: 1, min: 1 },
  /** Creates or pages in flight in closed loops, which is also the number of connections. */
  concurrency: { normal: 16, quick: 16, min: 1 },
  /** Creates per variant before the first round. */
  warmup: { normal: 20_000, quick: 1_000, min: 0 },
  /** Creates in a round of one variant. */
  creates: { normal: 1_000, quick: 500, min: 1 },
  /** Seconds of a round of creates or pages at a fixed rate. */
  'open-seconds': { normal: 2, quick: 1, min: 0 },
  /** Pages per gateway and list before the first round. */
  'page-warmup': { normal: 5_000, quick: 500, min: 0 },
  /** Pages in a round of one gateway and list; 0 leaves pages out. */
  pages: { normal: 500, quick: 300, min: 0 },
  /** Seconds of a round of lists after changes; 0 leaves them out. */
  'change-seconds': { normal: 2, quick: 1, min: 0 },
} as const;

const COUNT_NAMES = Object.keys(COUNTS) as CountName[];

/**
 * The options of a run: flags first, then `BENCH_*` variables such as BENCH_OPEN_SECONDS, then the defaults.
 *
 * @throws {Error} for an unknown flag, an unknown variant, or a number out of range.
 */
export function readOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      variants: { type: 'string' },
      baseline: { type: 'string' },
      json: { type: 'string', default: fileURLToPath(new URL('./result.json', import.meta.url)) },
      ...Object.fromEntries(COUNT_NAMES.map(name => [name, { type: 'string' as const }])),
    },
  });
  const { quick, json, ...texts } = values;
  const given = (name: string): string | undefined =>
    (texts as Record<string, string | undefined>)[name] ?? env[`BENCH_${name.toUpperCase().replaceAll('-', '_')}`];
  const countOf = (name: CountName): number => {
    const text = given(name);
    return text === undefined ? COUNTS[name][quick ? 'quick' : 'normal'] : parseCount(name, text);
  };
  const baseline = given('baseline');
  const variants = parseVariants(given('variants') ?? DEFAULT_VARIANTS.join(','));
  return {
    variants: baseline === undefined ? variants : ['baseline', ...variants],
    baseline,
    json,
    counts: Object.fromEntries(COUNT_NAMES.map(name => [name, countOf(name)])) as Record<CountName, number>,
  };
}

function parseCount(name: CountName, text: string): number {
  const { min } = COUNTS[name];
  if (/^\d{1,7}$/.test(text) && Number(text) >= min) return Number(text);
  throw new Error(`--${name} must be a whole number from ${min}, not "${text}".`);
}

function parseVariants(text: string): VariantName[] {
  const wanted = text.split(',');
  const unknown = wanted.filter(name => !VARIANTS.some(known => known === name));
  if (unknown.length > 0) throw new Error(`--variants knows no "${unknown.join('", "')}".`);
  return VARIANTS.filter(name => wanted.includes(name));
}
