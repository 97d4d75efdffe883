/** Whether the long forms of the floods run, which is with `npm run test:proof`; `npm test` runs short ones. */
export const IS_PROOF = process.env['PROOF'] === 'true';

/**
 * How large a test is to be: long forms run with `npm run test:proof`.
 *
 * @param short with `npm test`
 * @param long with `npm run test:proof`
 */
export function proofSize(short: number, long: number): number {
  return IS_PROOF ? long : short;
}
