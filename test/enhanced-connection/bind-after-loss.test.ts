import { randomUUID } from 'node:crypto';
import { afterEach, expect, it } from '@jest/globals';
import { createTestClock } from '../helpers/clock.js';
import { closeGateways } from '../helpers/gateway.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { IN_PROGRESS, startUpstream, until } from '../idempotency/helpers/idempotency-gateway.js';
import { openClient } from '../operation-store/helpers/redis-access.js';
import { POOL_A, POOL_B, startEnhancedGateway } from './helpers/enhanced-gateway.js';

const SUCCESS = 'CreateEnhancedDatasourceConnectionSuccess';
/** Longer than an owner keeps its record. */
const OWNERSHIP_MS = 120_000;

afterEach(closeGateways);

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
    const repeat = ({ createEnhanced }: typeof one) =>
      until(
        () => createEnhanced(input),
        ({ __typename }) => __typename !== IN_PROGRESS.__typename,
      );
    const answers = await Promise.all([one, other].map(repeat));
    expect(answers).toEqual(answers.map(() => expect.objectContaining({ __typename: SUCCESS, notBound: [] })));
    // The one that hangs, and one more.
    expect(emulator.ledger.count('associateQueue')).toBe(2);
    await closeGateways();
    await unanswered;
  });

  it('binds nothing again when it is found after a loss of records, and says what may not be bound', async () => {
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
});
