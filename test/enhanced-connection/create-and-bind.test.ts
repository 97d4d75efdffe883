import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Emulator, Fault } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { createTestClock } from '../helpers/clock.js';
import type { EnhancedCalls, EnhancedPayload } from '../helpers/enhanced-gateway.js';
import {
  createUntilDecided,
  enhancedCalls,
  POOL_A,
  POOL_B,
  startEnhancedGateway,
} from '../helpers/enhanced-gateway.js';
import { closeGateways, sendGraphql } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { startUpstream } from '../helpers/idempotency-gateway.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import { openClient, PREFIX } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { startEmulator } from '../helpers/running-emulator.js';

const SUCCESS = 'CreateEnhancedDatasourceConnectionSuccess';
const LOST: Fault = { operation: 'associateQueue', behaviour: 'reset', apply: false, delayMs: 1_000 };
const THROTTLED: Fault = { operation: 'associateQueue', error: 'APIGW.0308', delayMs: 1_000 };
/** Longer than an owner keeps its record. */
const OWNERSHIP_MS = 120_000;

afterEach(closeGateways);

/** Sends a create, and sends it again while DLI processes the bind of the first one. */
async function createTwice(first: EnhancedCalls, second: EnhancedCalls, emulator: Emulator, fault: Fault) {
  emulator.inject(fault);
  const input = { idempotencyKey: randomUUID(), resources: [POOL_A] };
  const answer = first.createEnhanced(input);
  await emulator.ledger.waitFor('associateQueue', 1);
  return { input, answer, repeat: createUntilDecided(second, input) };
}

/** Tests two simultaneous calls with one key. */
function itBindsOnce(start: () => Promise<[first: EnhancedCalls, second: EnhancedCalls, emulator: Emulator]>): void {
  it('does not bind again what the caller has unbound after the first of the answers', async () => {
    const [first, second, emulator] = await start();
    const { answer, repeat } = await createTwice(first, second, emulator, LOST);
    const { connectionId = '' } = await Promise.race([answer, repeat]);
    await second.unbind(connectionId, POOL_A);
    const answers: EnhancedPayload[] = [await answer, await repeat];
    expect(answers).toEqual(
      [0, 1].map(() => expect.objectContaining({ __typename: SUCCESS, connectionId, notBound: [] })),
    );
    expect(await second.read(connectionId)).toMatchObject({ readiness: 'UNBOUND', bindings: [] });
    // The lost bind and its repeat.
    expect(emulator.ledger.count('associateQueue')).toBe(2);
  });

  it('answers both, and every repeat, with the outcome of the bind', async () => {
    const [first, second, emulator] = await start();
    const { input, answer, repeat } = await createTwice(first, second, emulator, THROTTLED);
    const notBound = [expect.objectContaining({ ...POOL_A, code: 'UPSTREAM_THROTTLED' })];
    const answers = [await answer, await repeat, await first.createEnhanced(input), await second.createEnhanced(input)];
    expect(answers).toEqual(answers.map(() => expect.objectContaining({ __typename: SUCCESS, notBound })));
    expect(await second.read(answers[0]?.connectionId ?? '')).toMatchObject({ bindings: [] });
  });
}

describe('a create that is sent again while its connection is being bound', () => {
  itBindsOnce(async () => {
    const gateway = await startEnhancedGateway();
    return [gateway, gateway, gateway.emulator];
  });
});

describeWithProgram('redis-server', 'a create that is sent again to another gateway on the same Redis', program => {
  itBindsOnce(async () => {
    const { url: REDIS_URL } = await startRedisServer(program);
    const { url, emulator } = await startUpstream({ peeringMs: 0 });
    const env = { REDIS_URL, DLI_ENDPOINT: url, HUAWEICLOUD_SDK_IAM_ENDPOINT: url };
    return [await startEnhancedGateway({ env }), await startEnhancedGateway({ env }), emulator];
  });
});

describe('a create whose connection was found in the background', () => {
  it('binds it when it is repeated', async () => {
    const { createEnhanced, emulator, logged } = await startEnhancedGateway();
    emulator.inject({ operation: 'createEnhancedConnection', behaviour: 'reset', apply: true });
    emulator.inject({ operation: 'listEnhancedConnections', status: 500, times: 0 });
    const input = { idempotencyKey: randomUUID(), resources: [POOL_A] };
    expect(await createEnhanced(input)).toMatchObject({ __typename: 'OutcomeUnknownError' });
    emulator.clearFaults();
    await logged('create reconciled');
    expect(emulator.ledger.count('associateQueue')).toBe(0);
    expect(await createEnhanced(input)).toMatchObject({
      __typename: SUCCESS,
      reconciled: true,
      notBound: [],
      connection: { bindings: [expect.objectContaining(POOL_A)] },
    });
  });
});

describeWithProgram('redis-server', 'a create of an enhanced connection', program => {
  it('is bound by one of two gateways that repeat it at the same moment, after its owner was lost', async () => {
    const { url: REDIS_URL } = await startRedisServer(program);
    const { url, emulator } = await startUpstream({ peeringMs: 0 });
    const env = { REDIS_URL, DLI_ENDPOINT: url, HUAWEICLOUD_SDK_IAM_ENDPOINT: url };
    const lost = await startEnhancedGateway({ env });
    const clock = createTestClock();
    const [one, other] = [await startEnhancedGateway({ env, clock }), await startEnhancedGateway({ env, clock })];
    emulator.inject({ operation: 'associateQueue', behaviour: 'hang', apply: false });
    const input = { idempotencyKey: randomUUID(), resources: [POOL_A] };
    const unanswered = lost.createEnhanced(input).catch(() => undefined);
    await emulator.ledger.waitFor('associateQueue', 1);
    clock.advance(OWNERSHIP_MS);
    const answers = await Promise.all([one, other].map(gateway => createUntilDecided(gateway, input)));
    expect(answers).toEqual(answers.map(() => expect.objectContaining({ __typename: SUCCESS, notBound: [] })));
    // The bind that hangs, and one more.
    expect(emulator.ledger.count('associateQueue')).toBe(2);
    // Ends the bind that hangs.
    await emulator.close();
    await closeGateways();
    await unanswered;
  });

  it('binds nothing again when it is found after a loss of records, and reports what may not be bound', async () => {
    const redis = await startRedisServer(program);
    const { createEnhanced, unbind, emulator } = await startEnhancedGateway({ env: { REDIS_URL: redis.url } });
    const input = { idempotencyKey: randomUUID(), resources: [POOL_A, POOL_B] };
    const { connectionId = '' } = await createEnhanced(input);
    await unbind(connectionId, POOL_A);
    const binds = emulator.ledger.count('associateQueue');
    await openClient(redis.url).flushall();
    const found = {
      __typename: SUCCESS,
      connectionId,
      reconciled: true,
      notBound: [expect.objectContaining({ ...POOL_A, code: 'OUTCOME_UNKNOWN' })],
      connection: { bindings: [expect.objectContaining(POOL_B)] },
    };
    expect(await createEnhanced(input)).toMatchObject(found);
    expect(await createEnhanced(input)).toMatchObject(found);
    expect(emulator.ledger.count('associateQueue')).toBe(binds);
  });

  it('binds nothing again when its marker identifies it after an undetected loss of its record', async () => {
    const redis = await startRedisServer(program);
    const env = { REDIS_URL: redis.url, DLI_MARKER_TAG: 'true' };
    const { createEnhanced, unbind, emulator } = await startEnhancedGateway({ env });
    const input = { idempotencyKey: randomUUID(), resources: [POOL_A] };
    const { connectionId = '' } = await createEnhanced(input);
    await unbind(connectionId, POOL_A);
    const binds = emulator.ledger.count('associateQueue');
    const client = openClient(redis.url);
    await client.del(await client.keys(`${PREFIX}record:*`));
    expect(await createEnhanced(input)).toMatchObject({ __typename: SUCCESS, connectionId, reconciled: true });
    expect(emulator.ledger.count('associateQueue')).toBe(binds);
  });
});

describe('a pool that a killed gateway may have bound', () => {
  it('is not reported as unbound when DLI refuses another bind', async () => {
    const { emulator, baseUrl } = await startEmulator();
    const folder = await mkdtemp(join(QUICK_FOLDER, 'dli-gateway-bind-'));
    onCleanup(() => rm(folder, { recursive: true, force: true }));
    const env = { ...environmentFor(baseUrl), DATA_DIR: folder };
    const killed = startGatewayProcess(env);
    const { graphqlUrl } = await killed.addresses();
    emulator.inject({ operation: 'associateQueue', behaviour: 'hang', apply: true });
    const input = { idempotencyKey: randomUUID(), resources: [POOL_A] };
    const unanswered = enhancedCalls({ send: body => sendGraphql(graphqlUrl, body) }).createEnhanced(input);
    const failure = unanswered.catch((error: unknown) => error);
    await emulator.ledger.waitFor('associateQueue', 1);
    killed.signal('SIGKILL');
    await killed.end();
    expect(await failure).toBeInstanceOf(Error);
    // The read before the bind, and its retry.
    emulator.inject({ operation: 'getEnhancedConnection', status: 500, times: 2 });
    emulator.inject({ operation: 'associateQueue', error: 'APIGW.0308' });
    const clock = createTestClock();
    clock.advance(OWNERSHIP_MS);
    const payload = await createUntilDecided(await startEnhancedGateway({ env, clock }), input);
    expect(payload).toMatchObject({
      __typename: 'CreateEnhancedDatasourceConnectionSuccess',
      notBound: [{ ...POOL_A, code: 'OUTCOME_UNKNOWN' }],
      connection: { bindings: [expect.objectContaining(POOL_A)] },
    });
  });
});
