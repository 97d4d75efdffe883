import { beforeAll } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { whenOver } from '../../helpers/when-over.js';

// Without a screen, and asking nobody on the internet for anything.
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
// Only for what never comes: less than the time of a test, so that the failure says what it waited for.
const PATIENCE_MS = 100_000;

/** Has one Chromium run for the tests of a group; returns how a page is opened, which closes after its test, or after all. */
export function useChromium(executablePath: string): (options?: BrowserContextOptions) => Promise<Page> {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ARGUMENTS, timeout: PATIENCE_MS });
    whenOver(() => browser.close());
  });
  return async options => {
    const page = await browser.newPage(options);
    whenOver(() => page.close());
    page.setDefaultTimeout(PATIENCE_MS);
    return page;
  };
}
