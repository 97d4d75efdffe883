import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { closeSubscribers, openSubscriber, WATCH } from '../helpers/subscribers.js';

const PAUSE_MS = 20;
const CALLS = 5;

afterEach(closeSubscribers);

async function start(shutdownDelayMs: number) {
  const emulator = createEmulator();
  onCleanup(() => emulator.close());
  const { connectionId } = emulator.seedConnection({ state: 'CREATING' });
  const gateway = startGatewayProcess({
    ...environmentFor(await emulator.listen()),
    SHUTDOWN_DELAY_MS: String(shutdownDelayMs),
  });
  const { graphqlUrl, adminUrl } = await gateway.addresses();
  return { gateway, graphqlUrl, adminUrl, connectionId };
}

/** Five clients that send calls all the time: three reuse their connections, two open one for each call. */
function startClients(graphqlUrl: string) {
  const agents = [true, true, true, false, false].map(keepAlive => new Agent({ keepAlive }));
  onCleanup(() => {
    for (const agent of agents) agent.destroy();
  });
  const calls = agents.map(() => ({ answered: 0, lastConnection: '' as string | undefined }));
  let isOver = false;
  const ended = Promise.all(
    agents.map(async (agent, index) => {
      while (!isOver) {
        const lastConnection = await ask(graphqlUrl, agent);
        const { answered = 0 } = calls[index] ?? {};
        calls[index] = { answered: answered + 1, lastConnection };
        await delay(PAUSE_MS);
      }
    }),
  );
  return {
    calls: () => calls,
    /** Waits until each client got this many more answers. A failed call rejects. */
    async more(count: number): Promise<void> {
      const until = calls.map(({ answered }) => answered + count);
      const isDone = () => calls.every(({ answered }, index) => answered >= (until[index] ?? 0));
      while (!isDone()) await Promise.race([delay(PAUSE_MS), ended]);
    },
    async end(): Promise<void> {
      isOver = true;
      await ended;
    },
  };
}

/** Sends one query, and returns the header `Connection` of the response. */
async function ask(url: string, agent: Agent): Promise<string | undefined> {
  const call = request(url, { method: 'POST', agent, headers: { 'content-type': 'application/json' } });
  call.end('{"query":"{ __typename }"}');
  const [response] = await once(call, 'response');
  expect(await json(response)).toEqual({ data: { __typename: 'Query' } });
  return response.headers.connection;
}

async function readinessOf(adminUrl: string) {
  const response = await fetch(`${adminUrl}/readyz`);
  return { status: response.status, body: await response.json() };
}

async function stop(gateway: GatewayProcess): Promise<void> {
  gateway.signal('SIGTERM');
  await gateway.find(/"msg":"stopping"/);
}

describe('a gateway that drains', () => {
  it('is not ready, and answers all calls, each as the last one on its connection', async () => {
    const { gateway, graphqlUrl, adminUrl, connectionId } = await start(120_000);
    const clients = startClients(graphqlUrl);
    await clients.more(CALLS);
    expect(clients.calls().map(({ lastConnection }) => lastConnection)).toEqual([
      ...Array.from({ length: 3 }, () => 'keep-alive'),
      ...Array.from({ length: 2 }, () => 'close'),
    ]);

    await stop(gateway);
    expect(await readinessOf(adminUrl)).toEqual({ status: 503, body: { status: 'stopping' } });
    await clients.more(CALLS);
    expect(new Set(clients.calls().map(({ lastConnection }) => lastConnection))).toEqual(new Set(['close']));
    const watching = await openSubscriber(graphqlUrl);
    watching.sendMessage({ type: 'subscribe', id: 'a', payload: { query: WATCH, variables: { id: connectionId } } });
    expect(await watching.nextMessage()).toMatchObject({ type: 'next' });
    await clients.end();
    gateway.signal('SIGTERM');
    expect(await gateway.end()).toBe(143);
    expect(gateway.logLines().filter(({ msg }) => msg === 'stopping')).toHaveLength(1);
  });

  it('then closes its streams and ends', async () => {
    const { gateway, graphqlUrl, adminUrl, connectionId } = await start(5_000);
    const watch = { query: WATCH, variables: { id: connectionId } };
    const watching = await openSubscriber(graphqlUrl);
    watching.sendMessage({ type: 'subscribe', id: 'a', payload: watch });
    expect(await watching.nextMessage()).toMatchObject({ type: 'next' });
    const events = await fetch(graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(watch),
    });
    const clients = startClients(graphqlUrl);
    await clients.more(CALLS);

    await stop(gateway);
    // Like a load balancer, which sends a few more calls before it notices.
    while ((await readinessOf(adminUrl)).status === 200) await delay(PAUSE_MS);
    await clients.more(2);
    await clients.end();
    expect(await watching.closed).toEqual({ code: 1001, reason: 'Stopping' });
    expect(await events.text()).not.toContain('complete');
    expect(await gateway.end()).toBe(0);
    expect(gateway.logLines().map(({ msg }) => msg)).toEqual(expect.arrayContaining(['stopping', 'stopped']));
  });
});

describe('a gateway that stops without a delay', () => {
  it('answers requests that have arrived on idle connections', async () => {
    const { gateway, graphqlUrl } = await start(0);
    const agent = new Agent({ keepAlive: true });
    onCleanup(() => agent.destroy());
    expect(await ask(graphqlUrl, agent)).toBe('keep-alive');
    // Both have arrived when the process resumes; the signal is handled first, before the connections.
    gateway.signal('SIGSTOP');
    const call = request(graphqlUrl, { method: 'POST', agent, headers: { 'content-type': 'application/json' } });
    call.end('{"query":"{ __typename }"}');
    const response = once(call, 'response');
    await once(call, 'finish');
    gateway.signal('SIGTERM');
    gateway.signal('SIGCONT');
    const [{ statusCode, headers }] = await response;
    expect([200, 503]).toContain(statusCode);
    if (statusCode === 503) expect(headers.connection).toBe('close');
    expect(await gateway.end()).toBe(0);
  });
});
