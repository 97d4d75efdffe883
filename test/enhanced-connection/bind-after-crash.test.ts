import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { startEmulator } from '../emulator/helpers/running-emulator.js';
import { closeGateways, sendGraphql } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { IN_PROGRESS, until } from '../idempotency/helpers/idempotency-gateway.js';
import { enhancedCalls, POOL_A, startEnhancedGateway } from './helpers/enhanced-gateway.js';

const folders: string[] = [];

afterEach(async () => {
  await closeGateways();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it('a pool that a killed gateway may have bound is not called unbound when DLI refuses another bind', async () => {
  const { emulator, baseUrl } = await startEmulator();
  const folder = await mkdtemp(join(tmpdir(), 'dli-gateway-bind-'));
  folders.push(folder);
  const env = { ...environmentFor(baseUrl), DATA_DIR: folder, OPERATION_TIMEOUT_MS: '5000' };
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
  const { createEnhanced } = await startEnhancedGateway({ env });
  const payload = await until(
    () => createEnhanced(input),
    ({ __typename }) => __typename !== IN_PROGRESS.__typename,
  );
  expect(payload).toMatchObject({
    __typename: 'CreateEnhancedDatasourceConnectionSuccess',
    notBound: [{ ...POOL_A, code: 'OUTCOME_UNKNOWN' }],
    connection: { bindings: [expect.objectContaining(POOL_A)] },
  });
});
