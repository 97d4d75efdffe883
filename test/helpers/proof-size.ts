/** Whether the long forms of the proofs run, as with `npm run test:proof`. */
const IS_PROOF = process.env['PROOF'] === 'true';

/** The size of a test: `short` with `npm test`, `long` with `npm run test:proof`. */
export function proofSize(short: number, long: number): number {
  return IS_PROOF ? long : short;
}
