import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { createTestClock } from '../helpers/clock.js';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, sendGraphql, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import {
  countsOf,
  EXECUTED_BUT_LOST,
  KEY,
  KEY_REUSED,
  LOST,
  startIdempotencyGateway,
  startUpstream,
  UNKNOWN,
  until,
} from '../helpers/idempotency-gateway.js';
import { BACKGROUND, createInTrace, LATE, TRACE_ID } from '../helpers/late-end.js';
import { linesWith } from '../helpers/log-lines.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';

const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const RECONCILED = { ...SUCCESS, reconciled: true };

/** Creates a folder for the records of a gateway and its successor. */
function makeFolder(): string {
  const folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-restart-'));
  onCleanup(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The input of the create with this name. */
const callOf = (name: string) => ({ name, idempotencyKey: `${KEY}-${name}` });

describe('a create whose gateway is killed', () => {
  const TIMEOUT_MS = 120_000;
  /** How long a create is owned after its deadline. */
  const OWNERSHIP_MARGIN_MS = 5_000;
  /** Module source that kills its process once DLI has responded to a second create. */
  const KILL_AT_SECOND_SUCCESS = `import { subscribe } from 'node:diagnostics_channel';
    let successes = 0;
    subscribe('undici:request:headers', ({ request, response }) => {
      if (request.method !== 'POST' || response.statusCode !== 201) return;
      successes += 1;
      if (successes === 2) process.kill(process.pid, 'SIGKILL');
    });`;

  const clock = createTestClock();
  const emulator = createEmulator({ now: () => clock.epochMs() });
  const { applied } = countsOf(emulator);
  let next: TestGateway;

  /** The creates of this name that DLI received. */
  const postsOf = (name: string) =>
    emulator.ledger.entries('createConnection').filter(({ body }) => JSON.parse(body).name === name);

  /** Repeats a create until its payload is this member. */
  const repeatUntil = (member: string, name: string) =>
    until(
      () => next.create(callOf(name)),
      ({ __typename }) => __typename === member,
    );

  // Four creates are in flight when their gateway is killed. The next one is not killed, so it needs no process.
  beforeAll(async () => {
    const url = await emulator.listen();
    onCleanup(() => emulator.close());
    const env = { DATA_DIR: makeFolder(), OPERATION_TIMEOUT_MS: String(TIMEOUT_MS), RECONCILE_SETTLE_MS: '4000' };
    const killed = startGatewayProcess({ ...environmentFor(url), ...env }, { preload: KILL_AT_SECOND_SUCCESS });
    const { graphqlUrl } = await killed.addresses();
    const createFirst = (call: object) =>
      sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, ...call } } });
    // Proves the credential, so that the others are sent concurrently.
    const { body } = await createFirst(callOf('before'));
    expect(body.data?.['createDatasourceConnection']).toMatchObject(SUCCESS);
    const unanswered: Promise<unknown>[] = [];
    const expectNoAnswer = (answer: Promise<unknown>) =>
      unanswered.push(expect(answer).rejects.toThrow('fetch failed'));
    for (const [name, apply] of [
      ['executed', true],
      ['not_repeated', true],
      ['not_executed', false],
    ] as const)
      emulator.inject({ operation: 'createConnection', name, behaviour: 'hang', apply });
    for (const name of ['executed', 'not_executed']) expectNoAnswer(createFirst(callOf(name)));
    expectNoAnswer(createInTrace(graphqlUrl, callOf('not_repeated')));
    await emulator.ledger.waitFor('createConnection', 4);
    expectNoAnswer(createFirst(callOf('answered')));
    expect(await killed.end()).toBe('SIGKILL');
    await Promise.all(unanswered);
    clock.advance(TIMEOUT_MS + OWNERSHIP_MARGIN_MS);
    next = await startGateway({ clock, env: { ...env, DLI_ENDPOINT: url } });
  });

  it('after DLI executed it is found after the restart', async () => {
    expect(await next.create({ ...callOf('executed'), name: 'other' })).toMatchObject(KEY_REUSED);
    const payload = await repeatUntil(RECONCILED.__typename, 'executed');
    const [post, ...others] = postsOf('executed');
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: post?.appliedConnectionId });
    expect([payload.connectionId, others]).toEqual([expect.any(String), []]);
  });

  it('before DLI executed it is unknown after the restart', async () => {
    expect(await next.create({ ...callOf('not_executed'), name: 'other' })).toMatchObject(KEY_REUSED);
    const payload = await repeatUntil(UNKNOWN.__typename, 'not_executed');
    expect(payload).toMatchObject({ ...UNKNOWN, reason: 'GATEWAY_RESTART' });
    expect(payload.connectionId).toBeUndefined();
    expect(postsOf('not_executed')).toHaveLength(1);
    expect(emulator.connections().map(({ name }) => name)).not.toContain('not_executed');
  });

  it('before it stored the response is found after the restart', async () => {
    expect(postsOf('answered')).toMatchObject([{ status: 201 }]);
    const payload = await repeatUntil(RECONCILED.__typename, 'answered');
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: postsOf('answered')[0]?.appliedConnectionId });
    expect(await next.create(callOf('answered'))).toEqual(payload);
    expect([postsOf('answered').length, applied().length]).toEqual([1, 4]);
  });

  it('is logged in the trace of its first request when it ends in the background of the next gateway', async () => {
    const inTrace = (message: string) => linesWith(next.log(), message, { traceId: TRACE_ID });
    const [audit, ...others] = await until(
      async () => inTrace('audit'),
      lines => lines.length > 0,
    );
    const connectionId = postsOf('not_repeated')[0]?.appliedConnectionId;
    expect(others).toEqual([]);
    expect(audit).toEqual({
      ...LATE,
      operation: 'createDatasourceConnection',
      outcome: 'CreateDatasourceConnectionSuccess',
      connectionId,
    });
    const { operationId, spanId } = audit ?? {};
    expect(inTrace('create reconciled')).toEqual([
      {
        ...BACKGROUND,
        spanId,
        operation: 'reconcile',
        operationId,
        connectionId,
        outcome: 'found',
        afterMs: expect.any(Number),
        msg: 'create reconciled',
      },
    ]);
  });
});

describe('a gateway that was stopped gracefully', () => {
  it('replays every outcome unchanged after its restart, and sends nothing', async () => {
    const { url, emulator, posts } = await startUpstream();
    emulator.inject(EXECUTED_BUT_LOST);
    emulator.inject({ operation: 'createConnection', error: 'DLI.0001' });
    emulator.inject(LOST);
    const calls = ['found', 'refused', 'lost', 'made'].map(callOf);
    const env = { DATA_DIR: makeFolder(), DLI_ENDPOINT: url };
    const first = await startIdempotencyGateway({ env });
    const outcomes = [];
    for (const call of calls) outcomes.push(await first.create(call));
    expect(outcomes).toMatchObject([
      RECONCILED,
      { __typename: 'DliRejectedError', dliCode: 'DLI.0001' },
      { ...UNKNOWN, reason: 'CONNECTION_LOST' },
      { ...RECONCILED, reconciled: false },
    ]);
    await first.close();
    const second = await startIdempotencyGateway({ env });
    const repeats = [];
    for (const call of calls) repeats.push(await second.createUntilDecided(call));
    expect(repeats).toEqual(outcomes);
    expect(posts()).toBe(4);
  });
});
