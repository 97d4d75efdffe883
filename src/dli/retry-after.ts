const MAX_SECONDS = 300;

/**
 * The wait that a `Retry-After` header asks for, in whole seconds from 1 to 300.
 *
 * @param value seconds or an HTTP date (RFC 9110, 10.2.3); anything else counts as not given
 * @returns undefined when the header is absent or cannot be read
 */
export function retryAfterSeconds(value: string | undefined, nowEpochMs: number): number | undefined {
  if (value === undefined) return undefined;
  const seconds = /^\d{1,10}$/.test(value.trim()) ? Number(value) : (Date.parse(value) - nowEpochMs) / 1_000;
  if (!Number.isFinite(seconds)) return undefined;
  return Math.min(MAX_SECONDS, Math.max(1, Math.ceil(seconds)));
}
