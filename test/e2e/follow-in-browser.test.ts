import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { startTokenGateway } from '../auth/helpers/token-gateway.js';
import { createTestClock } from '../helpers/clock.js';
import { closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { closedPort } from '../helpers/listening-server.js';
import { describeWithProgram } from '../helpers/needed-program.js';
import { startUpstream } from '../idempotency/helpers/once-gateway.js';
import { CHROMIUM_ARGUMENTS } from './helpers/chromium-arguments.js';
import { startFrontEnd } from './helpers/front-end.js';

const THIRTY_MINUTES_MS = 30 * 60_000;

afterEach(closeGateways);

interface Seen {
  id: string;
  state: string;
  progress: number;
}

describeWithProgram('chromium', 'a page of a front end', executablePath => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGUMENTS });
  });
  afterAll(() => browser.close());

  /** A page with a gateway process that can be restarted at the same address. */
  async function openPage(creationMs: number) {
    const { url, emulator } = await startUpstream({ creationMs });
    const graphqlUrl = `http://127.0.0.1:${await closedPort()}/graphql`;
    const origin = await startFrontEnd(() => graphqlUrl);
    const env = {
      ...environmentFor(url),
      PORT: new URL(graphqlUrl).port,
      CORS_ORIGINS: origin,
      FOLLOW_INTERVAL_MS: '100',
    };
    const start = async () => {
      const gateway = startGatewayProcess(env);
      await gateway.addresses();
      return gateway;
    };
    const gateway = await start();
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    const complaints: string[] = [];
    page.on('pageerror', error => complaints.push(error.message));
    await page.goto(origin);
    const create = (name: string) =>
      page.evaluate(
        ([address, input]) =>
          (
            window as unknown as { createAndFollow: (a: unknown, i: unknown) => Promise<void> }
          ).createAndFollow(address, input),
        [graphqlUrl, { ...VALID_INPUT, name }] as const,
      );
    const seen = () => page.evaluate(() => (window as unknown as { seen: Seen[] }).seen);
    return { page, create, seen, gateway, start, emulator, complaints };
  }

  const stateOf = (page: Page) => page.locator('#state');
  const barOf = (page: Page) => page.locator('#progress').evaluate(bar => (bar as HTMLProgressElement).value);

  it('creates a connection and shows its progress until it is active', async () => {
    const { page, create, seen, complaints } = await openPage(2_000);
    await create('orders_pg');
    await stateOf(page).getByText('ACTIVE').waitFor();
    expect(await barOf(page)).toBe(1);
    const steps = await seen();
    expect(steps.length).toBeGreaterThan(4);
    expect(steps.at(0)).toMatchObject({ state: 'CREATING' });
    expect(steps.map(({ progress }) => progress)).toEqual(steps.map(({ progress }) => progress).toSorted());
    expect(complaints).toEqual([]);
  });

  it('shows why a connection failed', async () => {
    const { page, create, complaints } = await openPage(1_000);
    await create('fail_orders');
    await stateOf(page).getByText('FAILED').waitFor();
    expect(await page.locator('#reason').innerText()).toBe("Can't get ready router.");
    expect(await barOf(page)).toBeLessThan(1);
    expect(complaints).toEqual([]);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'reconnects after the gateway was ended by %s and restarted',
    async signal => {
      const { page, create, seen, gateway, start, complaints } = await openPage(8_000);
      await create('orders_pg');
      await stateOf(page).getByText('CREATING').waitFor();
      gateway.signal(signal);
      await gateway.end();
      const before = (await seen()).length;
      await start();
      await stateOf(page).getByText('ACTIVE').waitFor();
      expect((await seen()).slice(before)[0]).toMatchObject({ state: 'CREATING' });
      expect(await barOf(page)).toBe(1);
      expect(complaints).toEqual([]);
    },
    60_000,
  );

  /** A page that watches the given connections once the gateway is up. */
  async function openFollower(hasTokens: boolean) {
    let graphqlUrl = '';
    const origin = await startFrontEnd(() => graphqlUrl, { hasTokens });
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    return {
      page,
      env: { CORS_ORIGINS: origin, FOLLOW_INTERVAL_MS: '100' },
      async follow(url: string, ...ids: string[]) {
        graphqlUrl = url;
        await page.goto(origin);
        for (const id of ids)
          await page.evaluate(
            connection => (window as unknown as { followShown: (i: string) => void }).followShown(connection),
            id,
          );
      },
      /** Waits until the page has received a connection this many times. */
      shown: (id: string, times: number) =>
        page.waitForFunction(
          ([connection, least]) =>
            (window as unknown as { seen: Seen[] }).seen.filter(seen => seen.id === connection).length >=
            least,
          [id, times] as const,
        ),
    };
  }

  it('resubscribes when the subscription expires after 30 minutes', async () => {
    const clock = createTestClock();
    const { page, env, follow, shown } = await openFollower(false);
    const { graphqlUrl, emulator } = await startGateway({
      // DLI keeps its own time.
      clock: { ...clock, epochMs: Date.now },
      env,
      emulator: { creationMs: 6_000 },
    });
    const { connectionId } = emulator.seedConnection();
    await follow(graphqlUrl, connectionId);
    await shown(connectionId, 1);
    clock.advance(THIRTY_MINUTES_MS);
    await stateOf(page).getByText('ACTIVE').waitFor();
  }, 60_000);

  it('reconnects all subscriptions with a new token when its token expires', async () => {
    const { page, env, follow, shown } = await openFollower(true);
    const { graphqlUrl, emulator, sign, clock } = await startTokenGateway(env);
    let tokens = 0;
    await page.exposeFunction('getToken', () => {
      tokens += 1;
      // The first token is accepted for a few more seconds, because of the clock tolerance.
      return sign(tokens === 1 ? { claims: { exp: Math.floor(clock.epochMs() / 1_000) } } : {});
    });
    const ids = ['one', 'two'].map(name => emulator.seedConnection({ name, state: 'CREATING' }).connectionId);
    await follow(graphqlUrl, ...ids);
    // Neither changes, so each is sent again only after a new subscription.
    for (const id of ids) await shown(id, 2);
    expect(tokens).toBe(2);
  }, 60_000);
});
