import { afterEach, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { createTestClock } from '../helpers/clock.js';
import { closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { startUpstream } from '../helpers/idempotency-gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { startTokenGateway } from '../helpers/token-gateway.js';
import { useChromium } from './helpers/browser.js';
import type { ClientPage } from './helpers/client-page.js';
import { startClientPage } from './helpers/client-page.js';
import { startFrontEnd } from './helpers/front-end.js';
import { startRelay } from './helpers/relay.js';

/** Far less often than once per frame. */
const POLLING_MS = 100;
/** Longer than the lifetime of tokens, and less than the clocks of the gateway and DLI may differ. */
const TOKEN_LIFE_MS = 6 * 60_000;
const THIRTY_MINUTES_MS = 30 * 60_000;
/** Creation time of a connection, by DLI's own clock. */
const CREATION_MS = 60_000;

afterEach(closeGateways);

interface Seen {
  id: string;
  state: string;
  progress: number;
}

/** The globals of the page. */
interface FrontEnd {
  seen: Seen[];
  createAndWatch(graphqlUrl: string, input: object): Promise<void>;
  watchShown(id: string): void;
}

describeWithProgram('chromium', 'a page of a front end', executablePath => {
  const newPage = useChromium(executablePath);

  /** A page that watches connections once it is loaded. */
  async function openPage({ hasTokens = false } = {}) {
    let graphqlUrl = '';
    const origin = await startFrontEnd(() => graphqlUrl, { hasTokens });
    const page = await newPage();
    await page.addInitScript(quickenTimers);
    const complaints: string[] = [];
    page.on('pageerror', error => complaints.push(error.message));
    return {
      page,
      complaints,
      env: { CORS_ORIGINS: origin, FOLLOW_INTERVAL_MS: '100' },
      /** Loads the page with the URL of its gateway. */
      async load(url: string) {
        graphqlUrl = url;
        await page.goto(origin);
      },
      create: (name: string) =>
        page.evaluate(([address, input]) => (window as unknown as FrontEnd).createAndWatch(address, input), [
          graphqlUrl,
          { ...VALID_INPUT, name },
        ] as const),
      async watch(...ids: string[]) {
        for (const id of ids)
          await page.evaluate(connection => (window as unknown as FrontEnd).watchShown(connection), id);
      },
      seen: () => page.evaluate(() => (window as unknown as FrontEnd).seen),
      /** Waits until the page has received this many events, of one connection or of all. */
      shown: (times: number, id?: string) =>
        page.waitForFunction(
          ([connection, least]) =>
            (window as unknown as FrontEnd).seen.filter(seen => connection === undefined || seen.id === connection)
              .length >= least,
          [id, times] as const,
          { polling: POLLING_MS },
        ),
    };
  }

  const stateOf = (page: Page) => page.locator('#state');
  const barOf = (page: Page) => page.locator('#progress').evaluate(bar => (bar as HTMLProgressElement).value);

  it('creates a connection and shows its progress until it is active', async () => {
    const dliClock = createManualClock();
    const { page, env, load, create, shown, seen, complaints } = await openPage();
    const { graphqlUrl } = await startGateway({
      env,
      emulator: { creationMs: CREATION_MS, now: dliClock.epochMs },
    });
    await load(graphqlUrl);
    await create('orders_pg');
    for (let step = 1; step <= 5; step += 1) {
      await shown(step);
      dliClock.advance(CREATION_MS / 6);
    }
    await shown(6);
    dliClock.advance(CREATION_MS / 6);
    await stateOf(page).getByText('ACTIVE').waitFor();
    expect(await barOf(page)).toBe(1);
    const steps = await seen();
    expect(steps.length).toBeGreaterThan(4);
    expect(steps.at(0)).toMatchObject({ state: 'CREATING' });
    expect(steps.map(({ progress }) => progress)).toEqual(steps.map(({ progress }) => progress).toSorted());
    expect(complaints).toEqual([]);
  });

  it('shows why a connection failed', async () => {
    const { page, env, load, create, complaints } = await openPage();
    const { graphqlUrl } = await startGateway({ env, emulator: { creationMs: 1_000 } });
    await load(graphqlUrl);
    await create('fail_orders');
    await stateOf(page).getByText('FAILED').waitFor();
    expect(await page.locator('#reason').innerText()).toBe("Can't get ready router.");
    expect(await barOf(page)).toBeLessThan(1);
    expect(complaints).toEqual([]);
  });

  it.each([
    [
      'has stopped',
      async (env: Record<string, string>) => {
        const { graphqlUrl, close } = await startGateway({ env });
        return { graphqlUrl, end: close };
      },
    ],
    [
      'was killed',
      async (env: Record<string, string>) => {
        const gateway = startGatewayProcess(env);
        const { graphqlUrl } = await gateway.addresses();
        const end = () => {
          gateway.signal('SIGKILL');
          return gateway.end();
        };
        return { graphqlUrl, end };
      },
    ],
  ])('reconnects after the gateway %s and another one has started', async (_how, start) => {
    const dliClock = createManualClock();
    const { url } = await startUpstream({ creationMs: CREATION_MS, now: dliClock.epochMs });
    const relay = await startRelay();
    const { page, env, load, create, shown, seen, complaints } = await openPage();
    const environment = { ...environmentFor(url), ...env };
    const gateway = await start(environment);
    relay.forwardTo(gateway.graphqlUrl);
    await load(relay.url);
    await create('orders_pg');
    await stateOf(page).getByText('CREATING').waitFor();
    await gateway.end();
    relay.forwardTo(undefined);
    const before = (await seen()).length;
    const again = await startGateway({ env: environment });
    relay.forwardTo(again.graphqlUrl);
    await shown(before + 1);
    dliClock.advance(CREATION_MS);
    await stateOf(page).getByText('ACTIVE').waitFor();
    expect((await seen()).slice(before)[0]).toMatchObject({ state: 'CREATING' });
    expect(await barOf(page)).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('resubscribes when the subscription expires after 30 minutes', async () => {
    const clock = createTestClock();
    const dliClock = createManualClock();
    const { page, env, load, watch, shown } = await openPage();
    const { graphqlUrl, emulator } = await startGateway({
      // DLI has its own clock.
      clock: { ...clock, epochMs: Date.now },
      env,
      emulator: { creationMs: CREATION_MS, now: dliClock.epochMs },
    });
    const { connectionId } = emulator.seedConnection();
    await load(graphqlUrl);
    await watch(connectionId);
    await shown(1);
    clock.advance(THIRTY_MINUTES_MS);
    // Makes the gateway end the subscription; the page subscribes again and receives the current state.
    dliClock.advance(CREATION_MS / 2);
    await shown(2);
    dliClock.advance(CREATION_MS / 2);
    await stateOf(page).getByText('ACTIVE').waitFor();
  });

  it('reconnects all subscriptions with a new token when its token expires', async () => {
    const { page, env, load, watch, shown } = await openPage({ hasTokens: true });
    const { graphqlUrl, emulator, sign, clock } = await startTokenGateway(env);
    let tokens = 0;
    await page.exposeFunction('getToken', () => {
      tokens += 1;
      return sign();
    });
    const [one = '', two = '', three = ''] = ['one', 'two', 'three'].map(
      name => emulator.seedConnection({ name, state: 'CREATING' }).connectionId,
    );
    await load(graphqlUrl);
    await watch(one, two);
    for (const id of [one, two]) await shown(1, id);
    clock.advance(TOKEN_LIFE_MS);
    // The gateway does not accept another subscription with the old token. No state changes, so each is sent again only
    // after a new subscription.
    await watch(three);
    for (const id of [one, two]) await shown(2, id);
    await shown(1, three);
    expect(tokens).toBe(2);
  });

  it('creates a connection, follows it and deletes it with the client package', async () => {
    const origin = await startClientPage();
    const { graphqlUrl, emulator } = await startGateway({
      env: { CORS_ORIGINS: origin, FOLLOW_INTERVAL_MS: '100' },
      emulator: { creationMs: 500 },
    });
    const page = await newPage();
    await page.goto(origin);
    const seen = await page.evaluate(
      async ([url, input]) => {
        const client = (window as unknown as ClientPage).createClient({ url });
        const created = await client.createDatasourceConnection(input);
        if (created.__typename !== 'CreateDatasourceConnectionSuccess') return [created.__typename];
        const states: string[] = [];
        for await (const { state } of client.follow(created.connectionId)) states.push(state);
        const deleted = await client.deleteDatasourceConnection(created.connectionId);
        return [created.__typename, states.at(-1), deleted.__typename];
      },
      [graphqlUrl, { ...VALID_INPUT, service: 'RDS' as const }] as const,
    );
    expect(seen).toEqual(['CreateDatasourceConnectionSuccess', 'ACTIVE', 'DeleteDatasourceConnectionSuccess']);
    expect(emulator.ledger.count('createConnection')).toBe(1);
  });
});

/** Shortens the timers of the page to a twentieth, because it reconnects only after seconds. */
function quickenTimers(): void {
  const { setTimeout: wait } = window;
  const quick = (run: () => void, ms = 0) => wait(run, ms / 20);
  Object.assign(window, { setTimeout: quick });
}
