import { beforeEach } from '@jest/globals';
import { isWithinTest } from './when-over.js';

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

/** Has a text printed when the test that is running now fails, such as a gateway's log; before all tests, when any of them does. */
export function printOnFailure(name: string, read: () => string): void {
  (isWithinTest() ? globalThis.failureLogs : ofFile).push({ name, read });
}
