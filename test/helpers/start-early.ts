import { beforeAll } from '@jest/globals';

/**
 * Starts the long wait of a test before the first test of the file or block, so that it passes during the other tests.
 *
 * @param prepare opens everything that the wait needs, and returns the wait
 * @returns awaits the result of the wait
 */
export function startEarly<T>(prepare: () => Promise<() => Promise<T>>): () => Promise<T> {
  let result: Promise<T> | undefined;
  beforeAll(async () => {
    const wait = await prepare();
    result = wait();
    // The test that awaits it reports the failure.
    result.catch(() => undefined);
  });
  return () => {
    if (result === undefined) throw new Error('The wait is started before the first test.');
    return result;
  };
}
