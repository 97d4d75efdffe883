interface FailureLog {
  name: string;
  read(): string;
}

declare global {
  // Set by test/jest/environment.mjs, which prints the logs when a test fails.
  var failureLogs: FailureLog[];
}

/** Registers a text, such as a gateway's log, to print when the current test fails. */
export function printOnFailure(name: string, read: () => string): void {
  globalThis.failureLogs.push({ name, read });
}
