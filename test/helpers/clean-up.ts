import { afterAll, afterEach, beforeEach } from '@jest/globals';

type Close = () => unknown;

const ofTest: Close[] = [];
const ofFile: Close[] = [];
let isTesting = false;

beforeEach(() => {
  isTesting = true;
});
afterEach(async () => {
  isTesting = false;
  await closeAll(ofTest);
});
afterAll(() => closeAll(ofFile));

/** Whether a test is running, as opposed to a hook for all tests of the file. */
export function isWithinTest(): boolean {
  return isTesting;
}

/** Registers a clean-up to run after the current test; outside tests, after all tests of the file. */
export function onCleanup(close: Close): void {
  (isTesting ? ofTest : ofFile).push(close);
}

/** Clean-ups that a test file runs itself, in the order that it needs, such as those of clients before servers. */
export function createCleanup() {
  const own: Close[] = [];
  return {
    /** Registers a clean-up to be run by `run`; outside tests, after all tests of the file. */
    add(close: Close): void {
      (isTesting ? own : ofFile).push(close);
    },
    /** Runs the clean-ups of the test. */
    run: () => closeAll(own),
  };
}

// In reverse order, because later parts may need earlier ones.
async function closeAll(parts: Close[]): Promise<void> {
  for (const close of parts.splice(0).reverse()) await close();
}
