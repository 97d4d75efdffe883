import { beforeEach } from '@jest/globals';
import { isWithinTest } from './clean-up.js';

interface FailureLog {
  name: string;
  read(): string;
}

declare global {
  // Set by test/jest/environment.mjs, which prints the logs when a test fails.
  var failureLogs: FailureLog[];
}

const ofFile: FailureLog[] = [];

beforeEach(() => {
  globalThis.failureLogs.push(...ofFile);
});

/**
 * Registers a text, such as a gateway's log, to print when the current test fails; outside tests, when any test of the
 * file does.
 */
export function printOnFailure(name: string, read: () => string): void {
  (isWithinTest() ? globalThis.failureLogs : ofFile).push({ name, read });
}
