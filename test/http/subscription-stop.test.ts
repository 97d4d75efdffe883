import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { closeSubscribers, FOLLOW, openSocket } from './helpers/subscribers.js';

// A quarter of the shutdown time for running creates.
const PROMPTLY_MS = 6_000;

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

async function startFollowed() {
  const gateway = await startGateway();
  const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
  const request = { query: FOLLOW, variables: { id: connectionId } };
  return { gateway, request };
}

async function openFollower({ gateway, request }: Awaited<ReturnType<typeof startFollowed>>) {
  const opened = await openSocket(gateway.graphqlUrl);
  opened.say({ type: 'connection_init' });
  await opened.hear();
  opened.say({ type: 'subscribe', id: 'a', payload: request });
  await opened.hear();
  return opened;
}

describe('a gateway that stops', () => {
  it('closes WebSockets with 1001, without completing their subscriptions', async () => {
    const followed = await startFollowed();
    const { socket, closed } = await openFollower(followed);
    const heard: string[] = [];
    socket.on('message', data => heard.push(String(data)));
    await followed.gateway.close();

    expect(await closed).toEqual({ code: 1001, reason: 'Stopping' });
    expect(heard).toEqual([]);
  });

  it('ends event streams without completing them', async () => {
    const { gateway, request } = await startFollowed();
    const response = await fetch(gateway.graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(request),
    });
    const chunks = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const read = async () => {
      const { done, value } = (await chunks?.read()) ?? { done: true };
      text += value ?? '';
      return !done;
    };
    while (!text.includes('CREATING')) await read();
    const closed = gateway.close();
    while (await read());
    await closed;

    expect(text).not.toContain('complete');
  });

  it('does not wait for a client that does not respond', async () => {
    const followed = await startFollowed();
    const { socket } = await openFollower(followed);
    socket.pause();
    const startMs = performance.now();
    await followed.gateway.close();
    expect(performance.now() - startMs).toBeLessThan(PROMPTLY_MS);
  });

  it('stops polling', async () => {
    const followed = await startFollowed();
    await openFollower(followed);
    await followed.gateway.close();
    const looks = followed.gateway.emulator.ledger.count();
    await new Promise(resolve => setImmediate(resolve));
    expect(followed.gateway.emulator.ledger.count()).toBe(looks);
  });
});
