import { beforeAll } from '@jest/globals';

/**
 * Starts a scenario before the first test of its group, so that several that wait for real time wait at the same time.
 *
 * @param prepare starts the gateway of the scenario, which stops after the last test
 * @param scenario runs while other tests do
 * @returns a function that waits for its result, for the test that checks it
 */
export function startEarly<Gateway, Result>(
  prepare: () => Promise<Gateway>,
  scenario: (gateway: Gateway) => Promise<Result>,
): () => Promise<Result> {
  let result: Promise<Result>;
  beforeAll(async () => {
    result = scenario(await prepare());
    // The test that waits for it reports a failure.
    result.catch(() => {});
  });
  return () => result;
}
