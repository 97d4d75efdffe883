import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CREATE_MUTATION, sendGraphql, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import {
  EXECUTED_BUT_LOST,
  KEY,
  KEY_REUSED,
  LOST,
  startUpstream,
  UNKNOWN,
  until,
} from './helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
// A killed gateway owns its record for the operation timeout and 5 s; a create is settled after 7.5 settle times.
const SHORT_TIMES = { OPERATION_TIMEOUT_MS: '3000', RECONCILE_SETTLE_MS: '4000' };

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'dli-gateway-restart-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** Starts a gateway process on the test's folder; `preload` may let it kill itself during its call to DLI. */
async function startProcess(upstreamUrl: string, env: Record<string, string>, preload?: string) {
  const settings = { DATA_DIR: dataDir, ...env };
  const gateway = startGatewayProcess(
    { ...environmentFor(upstreamUrl), ...settings },
    preload === undefined ? {} : { preload },
  );
  const { graphqlUrl } = await gateway.addresses();
  async function create(changes: Record<string, unknown>): Promise<Record<string, unknown>> {
    const variables = { input: { ...VALID_INPUT, ...changes } };
    const { body } = await sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables });
    return body.data?.['createDatasourceConnection'] as Record<string, unknown>;
  }
  return { ...gateway, create };
}

/** Starts the next gateway on the test's folder; it runs in this process, because it is not killed. */
async function startNext(upstreamUrl: string, env: Record<string, string>) {
  const settings = { DATA_DIR: dataDir, DLI_ENDPOINT: upstreamUrl, ...env };
  const { create } = await startGateway({ env: settings });
  return {
    create,
    /** Repeats the create until its payload is this member. */
    createUntil: (member: string, changes: Record<string, unknown>) =>
      until(
        () => create(changes),
        ({ __typename }) => __typename === member,
      ),
    /** Repeats the create while it is in progress elsewhere. */
    createUntilDecided: (changes: Record<string, unknown>) =>
      until(
        () => create(changes),
        ({ __typename }) => __typename !== 'IdempotencyInProgressError',
      ),
  };
}

/** Source of a module that kills its process at a step of a call to DLI. */
function killAt(channel: string, condition: string): string {
  return `import { subscribe } from 'node:diagnostics_channel';
    subscribe('${channel}', ({ request, response }) => {
      if (request.method === 'POST' && ${condition}) process.kill(process.pid, 'SIGKILL');
    });`;
}

describe('a create whose gateway is killed', () => {
  it.each([
    ['after DLI executed it is found', 'hang', true, RECONCILED],
    ['before DLI executed it is unknown', 'hang', false, { ...UNKNOWN, reason: 'GATEWAY_RESTART' }],
  ] as const)('%s after the restart', async (_what, behaviour, apply, answer) => {
    const { url, emulator, posts } = await startUpstream();
    emulator.inject({ operation: 'createConnection', behaviour, apply });
    const first = await startProcess(url, SHORT_TIMES);
    const broken = expect(first.create(CALL)).rejects.toThrow('fetch failed');
    await emulator.ledger.waitFor('createConnection', 1);
    first.signal('SIGKILL');
    await broken;
    const second = await startNext(url, SHORT_TIMES);
    expect(await second.create({ ...CALL, name: 'other' })).toMatchObject(KEY_REUSED);
    const payload = await second.createUntil(answer.__typename, CALL);
    expect(payload).toMatchObject(answer);
    expect(payload.connectionId).toBe(emulator.connections()[0]?.connectionId);
    expect(posts()).toBe(1);
  });

  it('before it stored the response is found after the restart', async () => {
    const { url, emulator, posts, applied } = await startUpstream();
    const first = await startProcess(url, SHORT_TIMES, killAt('undici:request:headers', 'response.statusCode === 201'));
    await expect(first.create(CALL)).rejects.toThrow('fetch failed');
    expect(await first.end()).toBe('SIGKILL');
    expect(emulator.ledger.entries('createConnection')).toMatchObject([{ status: 201 }]);
    const second = await startNext(url, SHORT_TIMES);
    const payload = await second.createUntil(RECONCILED.__typename, CALL);
    expect(payload).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(await second.create(CALL)).toEqual(payload);
    expect([posts(), applied().length]).toEqual([1, 1]);
  });
});

describe('a gateway that was stopped gracefully', () => {
  it('replays every outcome unchanged after its restart, and sends nothing', async () => {
    const { url, emulator, posts } = await startUpstream();
    emulator.inject(EXECUTED_BUT_LOST);
    emulator.inject({ operation: 'createConnection', error: 'DLI.0001' });
    emulator.inject(LOST);
    const calls = ['found', 'refused', 'lost', 'made'].map(name => ({
      name,
      idempotencyKey: `${KEY}-${name}`,
    }));
    const first = await startProcess(url, { RECONCILE_SETTLE_MS: '1000' });
    const outcomes = [];
    for (const call of calls) outcomes.push(await first.create(call));
    expect(outcomes).toMatchObject([
      RECONCILED,
      { __typename: 'DliRejectedError', dliCode: 'DLI.0001' },
      { ...UNKNOWN, reason: 'CONNECTION_LOST' },
      { ...RECONCILED, reconciled: false },
    ]);
    first.signal('SIGTERM');
    expect(await first.end()).toBe(0);
    const second = await startNext(url, { RECONCILE_SETTLE_MS: '1000' });
    const repeats = [];
    for (const call of calls) repeats.push(await second.createUntilDecided(call));
    expect(repeats).toEqual(outcomes);
    expect(posts()).toBe(4);
  });
});
