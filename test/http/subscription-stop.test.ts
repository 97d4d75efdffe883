import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { closeSubscribers, openSubscriber, WATCH } from './helpers/subscribers.js';

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

async function startFollowed() {
  // A stop that waited for clients as long as for operations would exceed the timeout of a test.
  const gateway = await startGateway({ env: { OPERATION_TIMEOUT_MS: '120000' } });
  const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
  const request = { query: WATCH, variables: { id: connectionId } };
  return { gateway, request };
}

async function openFollower({ gateway, request }: Awaited<ReturnType<typeof startFollowed>>) {
  const opened = await openSubscriber(gateway.graphqlUrl);
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
    await followed.gateway.close();
  });

  it('stops polling', async () => {
    const followed = await startFollowed();
    await openFollower(followed);
    await followed.gateway.close();
    const calls = followed.gateway.emulator.ledger.count();
    await new Promise(resolve => setImmediate(resolve));
    expect(followed.gateway.emulator.ledger.count()).toBe(calls);
  });
});
