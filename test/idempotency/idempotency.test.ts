import { describe, expect, it } from '@jest/globals';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { proofSize } from '../helpers/proof-size.js';
import {
  DONE_BUT_LOST,
  IN_PROGRESS,
  KEY,
  LOST,
  NAME_TAKEN,
  NOT_LISTED_YET,
  postCreate,
  startIdempotencyGateway,
  UNAVAILABLE,
  UNKNOWN,
} from './helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const PARALLEL = proofSize(30, 100);
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };

describe('one key', () => {
  it('T-B1: in parallel calls creates one connection and answers all of them alike', async () => {
    const { createUntilDecided, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject({ operation: 'createConnection', delayMs: 300 });
    const payloads = await Promise.all(Array.from({ length: PARALLEL }, () => createUntilDecided(CALL)));
    const expected = { ...SUCCESS, connectionId: applied()[0], reconciled: false, hint: null };
    expect(payloads).toEqual(Array.from({ length: PARALLEL }, () => expected));
    expect([posts(), applied().length]).toEqual([1, 1]);
  });

  it('T-B1: in parallel calls answers all of them with the same unknown outcome', async () => {
    const { createUntilDecided, emulator, posts } = await startIdempotencyGateway();
    emulator.inject({ ...LOST, delayMs: 300 });
    const payloads = await Promise.all(Array.from({ length: PARALLEL }, () => createUntilDecided(CALL)));
    expect(new Set(payloads.map(payload => JSON.stringify(payload))).size).toBe(1);
    expect(payloads[0]).toMatchObject({ ...UNKNOWN, idempotencyKey: KEY });
    expect(posts()).toBe(1);
  });

  it('T-B2: replayed 1,000 times after a success answers every time with the same bytes', async () => {
    const { graphqlUrl, emulator, posts } = await startIdempotencyGateway();
    const first = await (await postCreate(graphqlUrl, CALL)).text();
    const texts = new Set<string>();
    for (let round = 0; round < proofSize(4, 50); round += 1) {
      const answers = Array.from({ length: 20 }, () => postCreate(graphqlUrl, CALL));
      for (const answer of await Promise.all(answers)) texts.add(await answer.text());
    }
    expect([...texts]).toEqual([first]);
    expect([posts(), emulator.ledger.count()]).toEqual([1, 1]);
  });

  it('T-B6: of an input that broke a rule is free for the corrected input', async () => {
    const { create, posts } = await startIdempotencyGateway();
    expect(await create({ ...CALL, name: 'or ders' })).toMatchObject({ __typename: 'InvalidInputError' });
    expect(await create(CALL)).toMatchObject(SUCCESS);
    expect(posts()).toBe(1);
  });

  it.each([
    ['throttled', { error: 'APIG.0308', headers: { 'retry-after': '60' } }, 'UPSTREAM_THROTTLED'],
    ['refused for its credentials', { error: 'APIG.0302' }, 'UPSTREAM_AUTH_FAILED'],
  ])('T-B7: of a create that was %s sends again', async (_what, answer, code) => {
    const { create, emulator, posts } = await startIdempotencyGateway();
    emulator.inject({ operation: 'createConnection', ...answer });
    expect(await create(CALL)).toMatchObject({ ...UNAVAILABLE, code });
    expect(await create({ ...CALL, name: 'another' })).toMatchObject(SUCCESS);
    expect(posts()).toBe(2);
  });
});

describe('no key', () => {
  it('makes every call a create of its own', async () => {
    const { create, posts, applied } = await startIdempotencyGateway({ emulator: { uniqueNames: false } });
    const [one, other] = [await create(), await create()];
    expect([one.connectionId, other.connectionId]).toEqual(applied());
    expect(posts()).toBe(2);
  });

  it.each([null, undefined])('given as %p is returned with an unknown outcome, and can be repeated', async key => {
    const { create, createUntil, emulator, posts, applied } = await startIdempotencyGateway();
    emulator.inject(DONE_BUT_LOST);
    emulator.inject(NOT_LISTED_YET);
    const unknown = await create({ idempotencyKey: key });
    expect(unknown).toMatchObject({ ...UNKNOWN, idempotencyKey: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    emulator.clearFaults();
    const payload = await createUntil(SUCCESS.__typename, { idempotencyKey: unknown.idempotencyKey });
    expect(payload).toMatchObject({ connectionId: applied()[0], reconciled: true });
    expect(posts()).toBe(1);
  });
});

describe('one name', () => {
  it('T-B5: in 50 calls at once with keys of their own is sent once, and the others learn why', async () => {
    const { url, emulator, release } = await startHeldUpstream({ uniqueNames: false });
    const { create } = await startIdempotencyGateway({ env: { DLI_ENDPOINT: url, OPERATION_TIMEOUT_MS: '120000' } });
    const calls = Array.from({ length: 50 }, (_, index) => ({ idempotencyKey: `${KEY}-${index}` }));
    let answered = 0;
    const creating = calls.map(async call => {
      const payload = await create(call);
      // The one that is sent gets no answer before the others have theirs.
      if (++answered === 49) release();
      return payload;
    });
    const payloads = await Promise.all(creating);
    const made = payloads.filter(({ __typename }) => __typename === SUCCESS.__typename);
    expect(made).toMatchObject([{ connectionId: emulator.connections()[0]?.connectionId }]);
    const others = payloads.filter(payload => !made.includes(payload));
    expect(others).toEqual(others.map(() => expect.objectContaining(IN_PROGRESS)));
    expect([others.length, emulator.ledger.count('createConnection'), emulator.connections().length]).toEqual([
      49, 1, 1,
    ]);
  });

  it('T-B5: is taken for every other key once the first call is done', async () => {
    const { create, posts, applied } = await startIdempotencyGateway();
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, connectionId: applied()[0] });
    const calls = Array.from({ length: 49 }, (_, index) => ({ idempotencyKey: `${KEY}-${index}` }));
    for (const call of calls) expect(await create(call)).toMatchObject(NAME_TAKEN);
    expect(await create(CALL)).toMatchObject({ ...SUCCESS, connectionId: applied()[0] });
    expect([posts(), applied().length]).toEqual([50, 1]);
  });
});
