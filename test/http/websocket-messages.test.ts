import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CLIENT_TIMEOUTS } from '../../src/http/client-timeouts.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { HANDSHAKE, openConnection } from '../helpers/raw-connection.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import type { RawSocket } from '../helpers/subscribers.js';
import { closeSubscribers, openSocket, openSubscriber, WATCH } from '../helpers/subscribers.js';

const MAX_FRAGMENTS = 16;
const LONG_ID = `a${'连'.repeat(127)}`;
const DEEP = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;

const shared = shareGateway();

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

/** Starts a message in fragments of one byte and does not end it. */
function sendFragments({ socket }: RawSocket, count: number): void {
  for (let index = 0; index < count; index += 1) socket.send('{', { fin: false });
}

describe('a message over a WebSocket', () => {
  it.each([
    ['connection_ack', { type: 'connection_ack' }, 4400],
    ['next', { type: 'next', id: 'a', payload: { data: {} } }, 4400],
    ['error', { type: 'error', id: 'a', payload: [{ message: 'a' }] }, 4400],
    ['of an unknown type', { type: 'toString' }, 4400],
    ['without a type', {}, 4400],
    ['that is null', 'null', 4400],
    ['that is not JSON', '{', 4400],
    ['with a number as id', { type: 'subscribe', id: 1, payload: { query: WATCH } }, 4400],
    ['with a list of variables', { type: 'subscribe', id: 'a', payload: { query: WATCH, variables: [] } }, 4400],
    ['with a payload that has no text form', { type: 'ping', payload: [{ toString: 1 }] }, 4400],
    ['with a ping nested too deep', `{"type":"ping","payload":{"a":${DEEP}}}`, 4400],
    ['with an error nested too deep', `{"type":"error","id":"a","payload":${DEEP}}`, 4400],
    ['connection_init, again', { type: 'connection_init' }, 4429],
  ])('that is wrong closes it as the protocol says, and is not an internal error: %s', async (_what, message, code) => {
    const gateway = shared();
    const { sendMessage, closed } = await openSubscriber(gateway.graphqlUrl);
    sendMessage(message);
    expect(await closed).toMatchObject({ code });
    expect(gateway.log()).not.toContain('"level":50');
  });

  it('with an id that is in use closes it with 4409, even if the id is not ASCII', async () => {
    const gateway = shared();
    const { connectionId } = gateway.emulator.seedConnection({ state: 'CREATING' });
    const { sendMessage, nextMessage, closed } = await openSubscriber(gateway.graphqlUrl);
    // A close reason has at most 123 bytes, so it may be cut within a character.
    const message = { type: 'subscribe', id: LONG_ID, payload: { query: WATCH, variables: { id: connectionId } } };
    sendMessage(message);
    await nextMessage();
    sendMessage(message);
    expect(await closed).toEqual({ code: 4409, reason: expect.stringMatching(/^Subscriber for a连+$/) });
    expect(gateway.log()).not.toContain('"level":50');
  });

  it.each([
    ['a binary message that is not UTF-8', 0x82, [0xff, 0xfe], 4400],
    ['a text that is not UTF-8', 0x81, [0xff, 0xfe], 1007],
    ['a close code out of range', 0x88, [0x00, 0x01], 1002],
    ['a close reason that is not UTF-8', 0x88, [0x03, 0xe8, 0xff], 1007],
    ['a reserved opcode', 0x83, [], 1002],
    ['a continuation of nothing', 0x80, [], 1002],
    ['a fragmented ping', 0x09, [], 1002],
    ['a compressed message without the extension', 0xc1, [0x61], 1002],
  ])('in a wrong frame closes it, and is not an internal error: %s', async (_what, first, payload, code) => {
    const gateway = shared();
    const socket = await openConnection(gateway.graphqlUrl);
    socket.write(HANDSHAKE);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise(resolve => socket.once('close', resolve));
    while (!Buffer.concat(chunks).includes('\r\n\r\n')) await delay(10);
    // With a mask of zeros.
    socket.write(Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0, ...payload]));
    await ended;
    const answer = Buffer.concat(chunks);
    const frame = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
    expect([frame[0], frame.readUInt16BE(2)]).toEqual([0x88, code]);
    expect(gateway.log()).not.toContain('"level":50');
  });
});

describe('a message in parts', () => {
  it('closes the socket if there are more than 16', async () => {
    const gateway = shared();
    const few = await openSubscriber(gateway.graphqlUrl);
    sendFragments(few, MAX_FRAGMENTS - 2);
    few.socket.send('}', { fin: true });
    expect(await few.closed).toMatchObject({ code: 4400 });
    const many = await openSocket(gateway.graphqlUrl);
    sendFragments(many, MAX_FRAGMENTS + 1);
    expect(await many.closed).toMatchObject({ code: 1008 });
    expect(gateway.log()).not.toContain('"level":50');
  });

  it('closes the socket if it does not end within 20 s, no matter what arrives in between', async () => {
    expect(CLIENT_TIMEOUTS.requestMs).toBe(20_000);
    const clientTimeouts = { ...CLIENT_TIMEOUTS, headersMs: 1_000, requestMs: 1_000 };
    const gateway = await startGateway({ limits: { clientTimeouts } });
    const idle = await openSubscriber(gateway.graphqlUrl);
    const slow = await openSubscriber(gateway.graphqlUrl);
    sendFragments(slow, 1);
    const pongs = setInterval(() => slow.socket.pong(), 50);

    expect(await slow.closed).toEqual({ code: 1008, reason: 'The message took too long' });
    clearInterval(pongs);
    idle.sendMessage({ type: 'ping' });
    expect(await idle.nextMessage()).toEqual({ type: 'pong' });
  });

  it('closes the socket before sign-in if it is larger than 16 KiB', async () => {
    const gateway = shared();
    const { socket, closed } = await openSocket(gateway.graphqlUrl);
    socket.send(`{"type":"connection_init","payload":{"a":"${'x'.repeat(17_000)}`, { fin: false });
    expect(await closed).toMatchObject({ code: 1009 });
  });

  it('may be a token of 8 KiB, and after sign-in 64 KiB', async () => {
    const gateway = shared();
    const { sendMessage, nextMessage } = await openSocket(gateway.graphqlUrl);
    sendMessage({ type: 'connection_init', payload: { authorization: `Bearer ${'x'.repeat(8_192)}` } });
    expect(await nextMessage()).toEqual({ type: 'connection_ack' });
    sendMessage({ type: 'ping', payload: { a: 'x'.repeat(65_000) } });
    expect(await nextMessage()).toMatchObject({ type: 'pong' });
  });
});
