import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import {
  countsOf,
  createBody,
  EXECUTED_BUT_LOST,
  IN_PROGRESS,
  KEY,
  KEY_REUSED,
  LOST,
  NOT_LISTED_YET,
  postCreate,
  startIdempotencyGateway,
  UNAVAILABLE,
  UNKNOWN,
} from '../helpers/idempotency-gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import { openRaw, rawRequest } from '../helpers/raw-connection.js';

const CALL = { idempotencyKey: KEY };
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const JSON_TYPE = { 'content-type': 'application/json' };

describe('a caller that disconnects', () => {
  it('before its request is complete leaves nothing behind', async () => {
    const { graphqlUrl, send, create, posts } = await startIdempotencyGateway();
    const request = rawRequest('POST', '/graphql', createBody(CALL), JSON_TYPE);
    const socket = await openRaw(graphqlUrl, request.slice(0, -20));
    expect((await send({ query: '{ __typename }' })).status).toBe(200);
    socket.destroy();
    await once(socket, 'close');
    expect(await create({ ...CALL, name: 'other' })).toMatchObject(SUCCESS);
    expect(posts()).toBe(1);
  });

  it('after the create was sent gets its result with the same key', async () => {
    const { url, emulator, release } = await startHeldUpstream();
    const { graphqlUrl, create } = await startIdempotencyGateway({ env: { DLI_ENDPOINT: url } });
    const { posts, applied } = countsOf(emulator);
    const caller = new AbortController();
    const disconnected = expect(postCreate(graphqlUrl, CALL, caller.signal)).rejects.toThrow('aborted');
    await emulator.ledger.waitFor('createConnection', 1);
    caller.abort();
    await disconnected;
    release();
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, connectionId: applied()[0], reconciled: false });
    expect(posts()).toBe(1);
  });
});

describe('a repeat of an unknown create', () => {
  it('finds its connection instead of sending a second create', async () => {
    const { create, createUntil, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject(EXECUTED_BUT_LOST);
    emulator.inject(NOT_LISTED_YET);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    emulator.clearFaults();
    const payload = await createUntil('CreateDatasourceConnectionSuccess', CALL);
    expect(payload).toMatchObject({ connectionId: applied()[0], reconciled: true });
    expect(posts()).toBe(1);
  });

  it('stays unknown if another client has created a connection of the same name in the meantime', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway();
    emulator.inject(LOST);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    emulator.seedConnection({ name: 'orders_pg', destination: '10.0.0.1:5432' });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(1);
  });
});

describe('a repeat during the first call', () => {
  it('waits for the first call and returns the same outcome', async () => {
    const { create, emulator, posts } = await startIdempotencyGateway();
    emulator.inject({ operation: 'createConnection', delayMs: 300 });
    const first = create(CALL);
    await emulator.ledger.waitFor('createConnection', 1);
    expect(await create(CALL)).toEqual(await first);
    expect(posts()).toBe(1);
  });

  it('waits for at most 2 s, and returns the same outcome when it is sent again later', async () => {
    const { url, emulator, release } = await startHeldUpstream();
    const { create } = await startIdempotencyGateway({ env: { DLI_ENDPOINT: url } });
    const first = create(CALL);
    await emulator.ledger.waitFor('createConnection', 1);
    expect(await create(CALL)).toMatchObject({ ...IN_PROGRESS, retryAfterSeconds: 1 });
    release();
    expect(await create(CALL)).toEqual(await first);
    expect(await first).toMatchObject({ ...SUCCESS, reconciled: false });
    expect(emulator.ledger.count('createConnection')).toBe(1);
  });

  it('with another input is refused at once, before and after the first call ends', async () => {
    const { url, emulator, release } = await startHeldUpstream();
    const { create } = await startIdempotencyGateway({ env: { DLI_ENDPOINT: url } });
    const first = create(CALL);
    await emulator.ledger.waitFor('createConnection', 1);
    expect(await create({ ...CALL, name: 'other' })).toMatchObject(KEY_REUSED);
    release();
    expect(await first).toMatchObject(SUCCESS);
    expect(await create({ ...CALL, name: 'other' })).toMatchObject(KEY_REUSED);
    expect(emulator.ledger.count()).toBe(1);
  });
});

describe('a gateway whose queue of creates is full', () => {
  it('refuses further creates without sending them, and leaves their keys free', async () => {
    const { url, emulator, release } = await startHeldUpstream();
    // The project lookup proves the credential, so many creates can be in flight at a time.
    const env = { DLI_ENDPOINT: url, HUAWEICLOUD_SDK_PROJECT_ID: undefined, OPERATION_TIMEOUT_MS: '120000' };
    // The gateway has 50 creates in flight, and queues 500, or 10 in the short form.
    const queuedCreates = proofSize(10, 500);
    const count = 60 + queuedCreates;
    const { create } = await startIdempotencyGateway({ env, limits: { queuedCreates } });
    const calls = Array.from({ length: count }, (_, index) => ({
      name: `orders_${index}`,
      idempotencyKey: `${KEY}-${index}`,
    }));
    const answers = calls.map(create);
    expect(await Promise.race(answers)).toMatchObject(UNAVAILABLE);
    release();
    const payloads = await Promise.all(answers);
    const refused = calls.filter((_, index) => payloads[index]?.code === UNAVAILABLE.code);
    const made = payloads.filter(({ connectionId }) => connectionId !== undefined);
    expect([made.length + refused.length, emulator.connections().length]).toEqual([count, made.length]);
    expect(await create(refused[0] ?? {})).toMatchObject(SUCCESS);
    expect(emulator.ledger.count('createConnection')).toBe(made.length + 1);
  });
});
