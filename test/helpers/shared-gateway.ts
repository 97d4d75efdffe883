import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { createTestClock } from './clock.js';
import { printOnFailure } from './failure-log.js';
import type { TestGateway } from './gateway.js';
import { closeGateways, startGateway } from './gateway.js';

const HOUR_MS = 3_600_000;
let names = 0;

/**
 * One gateway for all tests of a file, because most of what a test costs is the start of its gateway. Each test finds
 * the emulator as at its start, and the refusals, retries and failures of the tests before it an hour ago.
 * Creates whose outcome stays unknown go on to hold their name, so they need a {@link freshName}.
 */
export function shareGateway(): () => TestGateway {
  const clock = createTestClock();
  let shared: TestGateway | undefined;
  const gateway = () => {
    if (shared === undefined) throw new Error('The gateway is started before the first test.');
    return shared;
  };
  beforeAll(async () => {
    shared = await startGateway({ clock, emulator: { now: () => clock.epochMs() } });
  });
  beforeEach(() => {
    const { emulator, log } = gateway();
    const logBefore = log().length;
    printOnFailure('Log of the shared gateway', () => log().slice(logBefore));
    emulator.reset();
    clock.advance(HOUR_MS);
  });
  afterAll(closeGateways);
  return gateway;
}

/** A name for a connection that no other test gives. */
export function freshName(): string {
  names += 1;
  return `connection-${names}`;
}
