import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { TestClock } from './clock.js';
import { createTestClock } from './clock.js';
import { printOnFailure } from './failure-log.js';
import type { TestGateway, TestGatewayOptions } from './gateway.js';
import { closeGateways, startGateway } from './gateway.js';

const HOUR_MS = 3_600_000;
let names = 0;

/**
 * Starts one gateway for all tests of a file, because its start is most of the cost of a test. Before each test the
 * emulator is reset and the clock advances by an hour, past all refusals, retries and failures of earlier tests.
 * Creates with an unknown outcome keep their name reserved, so they need a {@link freshName}.
 *
 * @param clock default: a clock that runs
 */
export function shareGateway(
  options: Omit<TestGatewayOptions, 'clock'> = {},
  clock: TestClock = createTestClock(),
): () => TestGateway {
  let shared: TestGateway | undefined;
  const gateway = () => {
    if (shared === undefined) throw new Error('The gateway is started before the first test.');
    return shared;
  };
  beforeAll(async () => {
    shared = await startGateway({
      ...options,
      clock,
      emulator: { now: () => clock.epochMs(), ...options.emulator },
    });
  });
  beforeEach(() => {
    const { emulator, log } = gateway();
    const logBefore = log().length;
    printOnFailure('Log of the shared gateway', () => log().slice(logBefore));
    // A background call of the previous test must not be refused because of its token.
    emulator.reset({ keepTokens: true });
    clock.advance(HOUR_MS);
  });
  afterAll(closeGateways);
  return gateway;
}

/** What a shared gateway has logged since the current test began. */
export function logOfTest(shared: () => TestGateway): () => string {
  let start = 0;
  beforeEach(() => {
    start = shared().log().length;
  });
  return () => shared().log().slice(start);
}

/** A connection name that no other test uses. */
export function freshName(): string {
  names += 1;
  return `connection-${names}`;
}
