import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Emulator, Fault } from '../../src/emulator/emulator.js';
import { closeGateways } from '../helpers/gateway.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { IN_PROGRESS, startUpstream, until } from '../idempotency/helpers/idempotency-gateway.js';
import type { EnhancedCalls, EnhancedPayload } from './helpers/enhanced-gateway.js';
import { POOL_A, startEnhancedGateway } from './helpers/enhanced-gateway.js';

const SUCCESS = 'CreateEnhancedDatasourceConnectionSuccess';
const LOST: Fault = { operation: 'associateQueue', behaviour: 'reset', apply: false, delayMs: 1_000 };
const THROTTLED: Fault = { operation: 'associateQueue', error: 'APIGW.0308', delayMs: 1_000 };

afterEach(closeGateways);

/** Sends a create, and sends it again while DLI has the bind of the first one. */
async function createTwice(first: EnhancedCalls, second: EnhancedCalls, emulator: Emulator, fault: Fault) {
  emulator.inject(fault);
  const input = { idempotencyKey: randomUUID(), resources: [POOL_A] };
  const answer = first.createEnhanced(input);
  await emulator.ledger.waitFor('associateQueue', 1);
  const repeat = until(
    () => second.createEnhanced(input),
    ({ __typename }) => __typename !== IN_PROGRESS.__typename,
  );
  return { input, answer, repeat };
}

/** What holds for two simultaneous calls with one key. */
function itBindsOnce(start: () => Promise<[first: EnhancedCalls, second: EnhancedCalls, emulator: Emulator]>): void {
  it('binds again for neither of them what the caller has unbound after the answer to one', async () => {
    const [first, second, emulator] = await start();
    const { answer, repeat } = await createTwice(first, second, emulator, LOST);
    const { connectionId = '' } = await Promise.race([answer, repeat]);
    await second.unbind(connectionId, POOL_A);
    const answers: EnhancedPayload[] = [await answer, await repeat];
    expect(answers).toEqual(
      [0, 1].map(() => expect.objectContaining({ __typename: SUCCESS, connectionId, notBound: [] })),
    );
    expect(await second.read(connectionId)).toMatchObject({ readiness: 'UNBOUND', bindings: [] });
    // The lost one and its repeat.
    expect(emulator.ledger.count('associateQueue')).toBe(2);
  });

  it('answers both, and every repeat, with what became of the bind', async () => {
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
