const MAX_SECONDS = 300;
const DELAY = /^\d{1,10}$/;
// Date.parse also finds dates in texts that are none.
const HTTP_DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/**
 * The wait that a `Retry-After` header asks for, in whole seconds from 1 to 300.
 *
 * @param value seconds or an HTTP date (RFC 9110, 10.2.3); anything else counts as not given
 * @returns undefined when the header is absent or cannot be read
 */
export function retryAfterSeconds(value: string | undefined, nowEpochMs: number): number | undefined {
  if (value === undefined) return undefined;
  const seconds = readSeconds(value.trim(), nowEpochMs);
  if (!Number.isFinite(seconds)) return undefined;
  return Math.min(MAX_SECONDS, Math.max(1, Math.ceil(seconds)));
}

function readSeconds(value: string, nowEpochMs: number): number {
  if (DELAY.test(value)) return Number(value);
  return HTTP_DATE.test(value) ? (Date.parse(value) - nowEpochMs) / 1_000 : Number.NaN;
}
