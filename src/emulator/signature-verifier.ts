import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalRequests, sha256Hex } from './canonical-request.js';
import type { ReceivedRequest } from './received-request.js';

const ALGORITHM = 'SDK-HMAC-SHA256';
const AUTHORIZATION =
  /^SDK-HMAC-SHA256 Access=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/;
const MAX_CLOCK_DIFFERENCE_MS = 15 * 60 * 1_000;

/** The three parts of an `Authorization` header made by AK/SK signing. */
export interface SignatureClaim {
  readonly accessKey: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** Reads an `Authorization` value; undefined unless it is a well-formed `SDK-HMAC-SHA256` one. */
export function parseAuthorization(value: string): SignatureClaim | undefined {
  const [, accessKey, signedHeaders, signature] = AUTHORIZATION.exec(value) ?? [];
  if (accessKey === undefined || signedHeaders === undefined || signature === undefined) return undefined;
  return { accessKey, signedHeaders: signedHeaders.split(';'), signature };
}

/** Was this signature made from this request with this secret key? Compares in constant time. */
export function isSignatureOf(request: ReceivedRequest, claim: SignatureClaim, secretKey: string): boolean {
  const date = request.headers.get('x-sdk-date');
  // The date must be signed, or an old request could be replayed under a new one.
  if (date === undefined || !claim.signedHeaders.includes('x-sdk-date')) return false;
  const claimed = Buffer.from(claim.signature, 'hex');
  return (canonicalRequests(request, claim.signedHeaders) ?? []).some(canonical => {
    const stringToSign = `${ALGORITHM}\n${date}\n${sha256Hex(canonical)}`;
    const expected = createHmac('sha256', secretKey).update(stringToSign).digest();
    return expected.length === claimed.length && timingSafeEqual(expected, claimed);
  });
}

/** Is `X-Sdk-Date` well formed and at most 15 minutes away from `nowMs`, either way? */
export function isDateCurrent(sdkDate: string | undefined, nowMs: number): boolean {
  const parts = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(sdkDate ?? '');
  if (parts === null) return false;
  const [, year, month, day, hour, minute, second] = parts;
  const signedAtMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Math.abs(nowMs - signedAtMs) <= MAX_CLOCK_DIFFERENCE_MS;
}
