interface FailureLog {
  name: string;
  read(): string;
}

declare global {
  // Set by test/jest/environment.mjs, which prints the logs when a test fails.
  var failureLogs: FailureLog[];
}

/** Has a text printed when the test that is running now fails, such as a gateway's log. */
export function printOnFailure(name: string, read: () => string): void {
  globalThis.failureLogs.push({ name, read });
}
