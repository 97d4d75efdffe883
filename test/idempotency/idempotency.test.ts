import { describe, expect, it } from '@jest/globals';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import {
  EXECUTED_BUT_LOST,
  IN_PROGRESS,
  KEY,
  LOST,
  NAME_TAKEN,
  NOT_LISTED_YET,
  postCreate,
  startIdempotencyGateway,
  UNAVAILABLE,
  UNKNOWN,
} from '../helpers/idempotency-gateway.js';
import { proofSize } from '../helpers/proof-size.js';

const CALL = { idempotencyKey: KEY };
const PARALLEL = proofSize(12, 100);
const SAME_NAME = proofSize(15, 50);
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };

describe('an idempotency key', () => {
  it('in parallel calls creates one connection, and all calls get the same success', async () => {
    const { createUntilDecided, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject({ operation: 'createConnection', delayMs: 300 });
    const payloads = await Promise.all(Array.from({ length: PARALLEL }, () => createUntilDecided(CALL)));
    const expected = { ...SUCCESS, connectionId: applied()[0], reconciled: false, message: '' };
    expect(payloads).toEqual(Array.from({ length: PARALLEL }, () => expected));
    expect([posts(), applied().length]).toEqual([1, 1]);
  });

  it('in parallel calls with an unknown outcome gives all calls the same answer', async () => {
    const { createUntilDecided, emulator, posts } = await startIdempotencyGateway();
    emulator.inject({ ...LOST, delayMs: 300 });
    const payloads = await Promise.all(Array.from({ length: PARALLEL }, () => createUntilDecided(CALL)));
    expect(new Set(payloads.map(payload => JSON.stringify(payload))).size).toBe(1);
    expect(payloads[0]).toMatchObject({ ...UNKNOWN, idempotencyKey: KEY });
    expect(posts()).toBe(1);
  });

  it('replayed after a success returns the same bytes every time', async () => {
    const { graphqlUrl, emulator, posts } = await startIdempotencyGateway();
    const first = await (await postCreate(graphqlUrl, CALL)).text();
    const texts = new Set<string>();
    for (let round = 0; round < proofSize(1, 50); round += 1) {
      const answers = Array.from({ length: 20 }, () => postCreate(graphqlUrl, CALL));
      for (const answer of await Promise.all(answers)) texts.add(await answer.text());
    }
    expect([...texts]).toEqual([first]);
    expect([posts(), emulator.ledger.count()]).toEqual([1, 1]);
  });

  it('of an invalid input can be used for the corrected input', async () => {
    const { create, posts } = await startIdempotencyGateway();
    expect(await create({ ...CALL, name: 'or ders' })).toMatchObject({ __typename: 'InvalidInputError' });
    expect(await create(CALL)).toMatchObject(SUCCESS);
    expect(posts()).toBe(1);
  });

  it.each([
    ['throttled', { error: 'APIG.0308', headers: { 'retry-after': '60' } }, 'UPSTREAM_THROTTLED'],
    ['refused for its credentials', { error: 'APIG.0302' }, 'UPSTREAM_AUTH_FAILED'],
  ])('of a create that was %s can be used again', async (_what, answer, code) => {
    const { create, emulator, posts } = await startIdempotencyGateway();
    emulator.inject({ operation: 'createConnection', ...answer });
    expect(await create(CALL)).toMatchObject({ ...UNAVAILABLE, code });
    expect(await create({ ...CALL, name: 'another' })).toMatchObject(SUCCESS);
    expect(posts()).toBe(2);
  });
});

describe('a create without a key', () => {
  it('creates a connection with every call', async () => {
    const { create, posts, applied } = await startIdempotencyGateway({ emulator: { uniqueNames: false } });
    const [one, other] = [await create(), await create()];
    expect([one.connectionId, other.connectionId]).toEqual(applied());
    expect(posts()).toBe(2);
  });

  it.each([null, undefined])('gets a key back with an unknown outcome, and can be repeated with it: %p', async key => {
    const { create, createUntil, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject(EXECUTED_BUT_LOST);
    emulator.inject(NOT_LISTED_YET);
    const unknown = await create({ idempotencyKey: key });
    expect(unknown).toMatchObject({ ...UNKNOWN, idempotencyKey: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    emulator.clearFaults();
    const payload = await createUntil(SUCCESS.__typename, { idempotencyKey: unknown.idempotencyKey });
    expect(payload).toMatchObject({ connectionId: applied()[0], reconciled: true });
    expect(posts()).toBe(1);
  });
});

describe('a connection name', () => {
  it('in parallel creates with different keys is sent once, and the others are refused as in progress', async () => {
    const { url, emulator, release } = await startHeldUpstream({ uniqueNames: false });
    const { create } = await startIdempotencyGateway({ env: { DLI_ENDPOINT: url, OPERATION_TIMEOUT_MS: '120000' } });
    const calls = Array.from({ length: SAME_NAME }, (_, index) => ({ idempotencyKey: `${KEY}-${index}` }));
    let answered = 0;
    const creating = calls.map(async call => {
      const payload = await create(call);
      // DLI responds to the create that was sent only after all others have been answered.
      if (++answered === SAME_NAME - 1) release();
      return payload;
    });
    const payloads = await Promise.all(creating);
    const made = payloads.filter(({ __typename }) => __typename === SUCCESS.__typename);
    expect(made).toMatchObject([{ connectionId: emulator.connections()[0]?.connectionId }]);
    const others = payloads.filter(payload => !made.includes(payload));
    expect(others).toEqual(others.map(() => expect.objectContaining(IN_PROGRESS)));
    const sent = [emulator.ledger.count('createConnection'), emulator.connections().length];
    expect([others.length, ...sent]).toEqual([SAME_NAME - 1, 1, 1]);
  });

  it('is taken for every other key once the first create has succeeded', async () => {
    const { create, posts, applied } = await startIdempotencyGateway();
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, connectionId: applied()[0] });
    const calls = Array.from({ length: SAME_NAME }, (_, index) => ({ idempotencyKey: `${KEY}-${index}` }));
    for (const call of calls) expect(await create(call)).toMatchObject(NAME_TAKEN);
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, connectionId: applied()[0] });
    expect([posts(), applied().length]).toEqual([1 + SAME_NAME, 1]);
  });
});
