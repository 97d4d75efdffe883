/**
 * What a refusal means for the create that met it.
 *
 * AUTH: our credential was refused, a fresh one may pass. The others are the codes of DliError.
 */
export type Refusal = 'AUTH' | 'AUTH_FAILED' | 'NAME_TAKEN' | 'REJECTED' | 'THROTTLED' | 'UNAVAILABLE';

/**
 * The pairs of HTTP status and error code that we take for proof that a request was not executed: they tell of
 * checks that come before any work. That is our reading of the tables; DLI.0009 and DLI.0012 are its least certain.
 *
 * Status and code must both match. Whatever is not listed proves nothing, and that includes the
 * server-side errors that DLI sends with status 400: DLI.0999, DLI.0019 and DLI.10001.
 * `GATEWAY.` stands for both spellings of API Gateway's codes, `APIG.` and `APIGW.`.
 * Source: the error code tables of DLI and of API Gateway.
 */
const DEFINITE_REFUSALS: ReadonlyMap<string, Refusal> = new Map([
  ['401 DLI.0013', 'AUTH'],
  ['401 DLI.0014', 'AUTH'],
  ['401 GATEWAY.0301', 'AUTH'],
  ['401 GATEWAY.0303', 'AUTH'],
  ['401 GATEWAY.0305', 'AUTH'],
  ['401 GATEWAY.0307', 'AUTH'],
  ['400 DLI.0015', 'AUTH'],
  ['400 DLI.0016', 'REJECTED'],
  ['403 GATEWAY.0302', 'AUTH_FAILED'],
  ['403 GATEWAY.0304', 'AUTH_FAILED'],
  ['403 GATEWAY.0306', 'AUTH_FAILED'],
  ['403 GATEWAY.0310', 'AUTH_FAILED'],
  ['403 GATEWAY.0402', 'AUTH_FAILED'],
  ['403 GATEWAY.0802', 'AUTH_FAILED'],
  ['503 GATEWAY.0613', 'UNAVAILABLE'],
  ['429 GATEWAY.0308', 'THROTTLED'],
  ['400 DLI.0006', 'NAME_TAKEN'],
  ['400 DLI.0001', 'REJECTED'],
  ['400 DLI.0002', 'REJECTED'],
  ['400 DLI.0007', 'REJECTED'],
  ['400 DLI.0009', 'REJECTED'],
  ['400 DLI.0012', 'REJECTED'],
  ['400 DLI.1028', 'REJECTED'],
  ['400 DLI.10003', 'REJECTED'],
  ['400 GATEWAY.0106', 'REJECTED'],
  ['400 GATEWAY.0602', 'REJECTED'],
  ['404 GATEWAY.0101', 'REJECTED'],
  ['413 GATEWAY.0201', 'REJECTED'],
  ['414 GATEWAY.0201', 'REJECTED'],
  ['494 GATEWAY.0201', 'REJECTED'],
]);

/** What a status and error code prove; undefined when they prove nothing. */
export function definiteRefusal(status: number, upstreamCode: string | undefined): Refusal | undefined {
  const code = upstreamCode?.replace(/^APIGW?\./, 'GATEWAY.') ?? '-';
  return DEFINITE_REFUSALS.get(`${status} ${code}`);
}
