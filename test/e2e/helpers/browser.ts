import { beforeAll } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { onCleanup } from '../../helpers/clean-up.js';

// Headless and without internet access.
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
// Below the timeout of a test, so that the failure names what was awaited.
const TIMEOUT_MS = 100_000;

/** Starts one Chromium for a group of tests; returns a function that opens a page, which closes after its test. */
export function useChromium(executablePath: string): (options?: BrowserContextOptions) => Promise<Page> {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ARGUMENTS, timeout: TIMEOUT_MS });
    onCleanup(() => browser.close());
  });
  return async options => {
    const page = await browser.newPage(options);
    onCleanup(() => page.close());
    page.setDefaultTimeout(TIMEOUT_MS);
    return page;
  };
}
