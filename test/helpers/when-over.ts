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

/** Whether a test is running, and not a hook that opens something for all tests of the file. */
export function isWithinTest(): boolean {
  return isTesting;
}

/** Has something closed after the test that is running; after all tests of the file when it was opened before them. */
export function whenOver(close: Close): void {
  (isTesting ? ofTest : ofFile).push(close);
}

// What was opened last may need what was opened before it.
async function closeAll(parts: Close[]): Promise<void> {
  for (const close of parts.splice(0).reverse()) await close();
}
