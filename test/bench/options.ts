import { parseArgs } from 'node:util';
import type { VariantName } from './variants.js';
import { VARIANT_NAMES } from './variants.js';

/** What one run of the benchmark does. */
export interface BenchOptions {
  readonly variants: readonly VariantName[];
  /** Measured rounds per variant, interleaved. */
  readonly rounds: number;
  /** Creates in one round of one variant. */
  readonly creates: number;
  /** Creates per variant before the first measured round. */
  readonly warmup: number;
  /** Cold starts per variant; the last one is the process that is measured. */
  readonly starts: number;
  /** Creates in flight, which is also the number of connections. */
  readonly concurrency: number;
}

/**
 * The options of a run: flags first, then `BENCH_*` variables, then the defaults, which take 30 to 60 s.
 *
 * @throws {Error} for an unknown flag, an unknown variant, or a number that is not a positive integer.
 */
export function readOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>): BenchOptions {
  const fromEnv = (name: string, fallback: string): string => env[`BENCH_${name}`] ?? fallback;
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: fromEnv('ROUNDS', '5') },
      creates: { type: 'string', default: fromEnv('CREATES', '2000') },
      warmup: { type: 'string', default: fromEnv('WARMUP', '2000') },
      starts: { type: 'string', default: fromEnv('STARTS', '3') },
      concurrency: { type: 'string', default: fromEnv('CONCURRENCY', '16') },
      variants: { type: 'string', default: fromEnv('VARIANTS', VARIANT_NAMES.join(',')) },
    },
  });
  return {
    variants: parseVariants(values.variants),
    rounds: parseCount('rounds', values.rounds),
    creates: parseCount('creates', values.creates),
    warmup: parseCount('warmup', values.warmup),
    starts: parseCount('starts', values.starts),
    concurrency: parseCount('concurrency', values.concurrency),
  };
}

function parseCount(name: string, text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new Error(`--${name} must be a positive integer, not "${text}".`);
  return Number(text);
}

function parseVariants(text: string): VariantName[] {
  const wanted = text.split(',');
  const unknown = wanted.filter(name => !VARIANT_NAMES.some(known => known === name));
  if (unknown.length > 0) throw new Error(`--variants knows no "${unknown.join('", "')}".`);
  return VARIANT_NAMES.filter(name => wanted.includes(name));
}
