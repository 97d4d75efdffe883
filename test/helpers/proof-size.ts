/** Whether the long forms of the proofs run, as with `npm run test:proof`. */
const IS_PROOF = process.env['PROOF'] === 'true';

/** The size of a test: `short` with `npm test`, `long` with `npm run test:proof`. */
export function proofSize(short: number, long: number): number {
  return IS_PROOF ? long : short;
}

/** The number of requests that a test generates: `FUZZ_REQUESTS` if it is set, otherwise as {@link proofSize} says. */
export function fuzzSize(short: number, long: number): number {
  return Number(process.env['FUZZ_REQUESTS'] ?? proofSize(short, long));
}
