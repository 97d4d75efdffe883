import { setTimeout as delay } from 'node:timers/promises';

/** What a promise gives, or something else when it has not been settled after so many milliseconds. */
export async function within<T, U>(limitMs: number, promise: Promise<T>, otherwise: U): Promise<T | U> {
  const abort = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(limitMs, otherwise, { signal: abort.signal }).catch(() => otherwise),
    ]);
  } finally {
    abort.abort();
  }
}
