import { createHash, createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RootDatabase } from 'lmdb';
import { open } from 'lmdb';
import type { Emulator, Fault } from '../../src/emulator/emulator.js';
import { DEFAULT_PROJECT_ID } from '../../src/emulator/emulator.js';
import { RecordCodec } from '../../src/operation-store/operation-record.js';
import { enhancedCalls, POOL_A, VALID_ENHANCED_INPUT } from '../helpers/enhanced-gateway.js';
import { closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import { pageOf } from '../helpers/read-connections.js';
import { openClient } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { freshName, shareGateway } from '../helpers/shared-gateway.js';

// Stores and logs outlive the code that wrote them: their keys, fields and values must not change when code is renamed.

const KEY = 'order-4711-attempt-1';
const ANONYMOUS_TENANT = 'everybody';
const TIME = expect.any(Number);
const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const HEX_32 = expect.stringMatching(/^[0-9a-f]{32}$/);
const HEX_16 = expect.stringMatching(/^[0-9a-f]{16}$/);
const HEX_64 = expect.stringMatching(/^[0-9a-f]{64}$/);
/** The ids of background work, and of a request. */
const BACKGROUND_IDS = { traceId: HEX_32, spanId: HEX_16 };
const IDS = { ...BACKGROUND_IDS, requestId: HEX_32 };
const LOST = { operation: 'createConnection', behaviour: 'reset', apply: false } as const;
const NO_LIST = { operation: 'listConnections', status: 503, times: 0 } as const;

/** The list is read for 0.5 s while the caller waits; an undecided create is given up after 45 s. */
const UNDECIDED_SETTLE_MS = '6000';

const folders: string[] = [];

afterEach(async () => {
  await closeGateways();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A gateway whose embedded store can be read after it is closed. */
async function startOnFolder(env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(QUICK_FOLDER, 'stored-words-'));
  folders.push(folder);
  const gateway = await startGateway({
    emulator: { creationMs: 0 },
    env: { DATA_DIR: folder, OPERATION_TIMEOUT_MS: '4000', RECONCILE_SETTLE_MS: '200', ...env },
  });
  return {
    ...gateway,
    async storedTables() {
      await gateway.close();
      return readTables(folder);
    },
  };
}

async function readTables(folder: string) {
  const root: RootDatabase<string, string> = open({ path: folder, encoding: 'string', noSubdir: false });
  try {
    const entriesOf = (name: string) =>
      [...root.openDB<string, (number | string)[]>(name, { encoding: 'string' }).getRange()].map(
        ({ key, value }) => [key, value] as const,
      );
    const [record = '{}'] = entriesOf('records').map(([, text]) => text);
    return {
      names: [...root.getKeys()],
      secret: Buffer.from(root.get('secret') ?? '', 'hex'),
      record: JSON.parse(record) as Record<string, unknown>,
      records: entriesOf('records'),
      holders: entriesOf('holders'),
      connections: entriesOf('connections'),
      deletions: entriesOf('deletions'),
      expiries: entriesOf('expiries'),
    };
  } finally {
    await root.close();
  }
}

function projectOf(emulator: Emulator): string {
  const [first] = emulator.ledger.entries();
  return `http://${first?.headers['host']}/${DEFAULT_PROJECT_ID}`;
}

function keyedHash(secret: Buffer, ...words: string[]): string {
  return createHmac('sha256', secret).update(JSON.stringify(words)).digest('hex');
}

/** The fields by which records are found, computed from the inputs of their hashes. */
function identityOf(emulator: Emulator, secret: Buffer) {
  const project = projectOf(emulator);
  const keyed = (...words: string[]) => keyedHash(secret, ...words);
  const { name, service, securityGroupId, networkId, url } = VALID_INPUT;
  const input = JSON.stringify([name, service, securityGroupId, networkId, url, null, []]);
  return {
    identity: {
      version: 1,
      id: keyed('create', project, ANONYMOUS_TENANT, KEY),
      projectId: keyed('project', project),
      nameId: keyed('name', project, name),
      fingerprint: createHash('sha256').update(input).digest('hex'),
    },
    deletionId: (connectionId: string) => keyed('delete', project, ANONYMOUS_TENANT, connectionId),
  };
}

const SENT = {
  owner: UUID,
  ownedUntilMs: TIME,
  sentAtMs: TIME,
  wanted: { name: 'orders_pg', service: 'RDS', url: '192.168.0.12:5432' },
  traceId: HEX_32,
  expiresAtMs: TIME,
};

/** The lines of the creates that were sent to DLI. */
function createsIn(log: string): unknown[] {
  return linesOf(log, 'upstream').filter(line => (line as { operation: string }).operation === 'createConnection');
}

function linesOf(log: string, message: string): unknown[] {
  return log
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as { msg: string })
    .filter(({ msg }) => msg === message);
}

describe('the embedded store keeps the field names and values of', () => {
  it('a success and its connection', async () => {
    const { create, emulator, storedTables } = await startOnFolder();
    const { connectionId } = await create({ idempotencyKey: KEY });
    const { names, secret, record, records, holders, connections, deletions, expiries } = await storedTables();
    const { identity } = identityOf(emulator, secret);
    const { id, nameId } = identity;
    expect(names).toEqual(['connections', 'deletions', 'expiries', 'holders', 'records', 'secret']);
    expect(secret).toHaveLength(32);
    expect(record).toEqual({
      ...identity,
      ...SENT,
      state: 'SUCCEEDED',
      connectionId,
      message: null,
      isReconciled: false,
    });
    expect(records).toEqual([[id, expect.any(String)]]);
    expect([holders, connections, deletions]).toEqual([[], [[connectionId, id]], []]);
    expect(expiries).toEqual([
      [[TIME, 'record', id], nameId],
      [[TIME, 'connection', connectionId], id],
    ]);
  });

  it('a success of an enhanced connection, one of whose queues does not exist', async () => {
    const { send, emulator, storedTables } = await startOnFolder();
    const resources = [POOL_A, { kind: 'QUEUE', name: 'no_such_queue' }];
    const { connectionId } = await enhancedCalls({ send }).createEnhanced({ idempotencyKey: KEY, resources });
    const { secret, record } = await storedTables();
    const { identity } = identityOf(emulator, secret);
    const { name, vpcId, networkId } = VALID_ENHANCED_INPUT;
    const bound = resources.map(resource => [resource.kind, resource.name]);
    const input = JSON.stringify(['ENHANCED', name, vpcId, networkId, null, bound, [], []]);
    expect(record).toEqual({
      ...identity,
      ...SENT,
      nameId: keyedHash(secret, 'enhancedName', projectOf(emulator), name),
      fingerprint: createHash('sha256').update(input).digest('hex'),
      wanted: { kind: 'ENHANCED', name, vpcId, networkId },
      state: 'SUCCEEDED',
      connectionId,
      message: null,
      isReconciled: false,
      notBound: [{ kind: 'QUEUE', name: 'no_such_queue', reason: 'NOT_FOUND', upstreamCode: null }],
    });
  });

  it('a refusal', async () => {
    const { create, emulator, storedTables } = await startOnFolder();
    emulator.inject({ operation: 'createConnection', error: 'DLI.1028' });
    const { requestId } = await create({ idempotencyKey: KEY });
    const { secret, record } = await storedTables();
    const { identity } = identityOf(emulator, secret);
    expect(record).toEqual({
      ...identity,
      ...SENT,
      state: 'REJECTED',
      rejection: { code: 'REJECTED', upstreamCode: 'DLI.1028', requestId },
      message: 'The quota is insufficient.',
    });
  });

  it('a taken name', async () => {
    const { create, emulator, storedTables } = await startOnFolder();
    emulator.inject({ operation: 'createConnection', error: 'DLI.0006' });
    await create({ idempotencyKey: KEY });
    const { record } = await storedTables();
    expect(record).toMatchObject({
      state: 'REJECTED',
      rejection: { code: 'NAME_TAKEN', upstreamCode: 'DLI.0006', requestId: HEX_32 },
    });
  });

  it('an unknown outcome that is not settled, and the holder of the name', async () => {
    const { create, emulator, storedTables } = await startOnFolder({ RECONCILE_SETTLE_MS: UNDECIDED_SETTLE_MS });
    emulator.inject(NO_LIST);
    emulator.inject({ operation: 'createConnection', error: 'DLI.0999' });
    await create({ idempotencyKey: KEY });
    const { secret, record, holders } = await storedTables();
    const { identity } = identityOf(emulator, secret);
    // The list may not have been read yet.
    expect({ nextCheckAtMs: 0, ...record }).toEqual({
      ...identity,
      ...SENT,
      state: 'UNKNOWN',
      unknownReason: 'UPSTREAM_ERROR',
      requestId: HEX_32,
      lastSentAtMs: TIME,
      nextCheckAtMs: TIME,
    });
    expect(holders).toEqual([[identity.nameId, `${record['ownedUntilMs']} ${identity.id}`]]);
  });

  it('an unknown outcome that is settled without trace', async () => {
    const { create, emulator, logged, storedTables } = await startOnFolder();
    emulator.inject(LOST);
    await create({ idempotencyKey: KEY });
    await logged('settled without trace');
    const { secret, record, holders } = await storedTables();
    const { identity } = identityOf(emulator, secret);
    expect(record).toEqual({
      ...identity,
      ...SENT,
      state: 'UNKNOWN',
      unknownReason: 'CONNECTION_LOST',
      lastSentAtMs: TIME,
      isSettled: true,
      emptySinceMs: TIME,
      nextCheckAtMs: TIME,
    });
    expect(holders).toEqual([]);
  });

  it('an unconfirmed refusal and a marker tag', async () => {
    const { create, emulator, storedTables } = await startOnFolder({
      RECONCILE_SETTLE_MS: UNDECIDED_SETTLE_MS,
      DLI_MARKER_TAG: 'true',
    });
    emulator.inject(NO_LIST);
    emulator.inject({ operation: 'createConnection', status: 200, body: { is_success: false } });
    await create({ idempotencyKey: KEY });
    const { secret, record } = await storedTables();
    const { identity } = identityOf(emulator, secret);
    expect(record).toEqual({
      ...identity,
      ...SENT,
      hasMarker: true,
      state: 'UNKNOWN',
      unknownReason: 'UNREADABLE_RESPONSE',
      requestId: HEX_32,
      lastSentAtMs: TIME,
      suspected: { code: 'REJECTED', upstreamCode: null, requestId: HEX_32 },
      nextCheckAtMs: TIME,
    });
    const [{ body = '{}' } = {}] = emulator.ledger.entries('createConnection');
    expect(JSON.parse(body)).toMatchObject({ tags: [{ key: 'gw_req', value: identity.id.slice(0, 32) }] });
  });

  it('a deletion', async () => {
    const { create, emulator, send, storedTables } = await startOnFolder();
    const { connectionId = '' } = await create({ idempotencyKey: KEY });
    await send({
      query: 'mutation ($id: ID!) { deleteDatasourceConnection(input: { id: $id }) { __typename } }',
      variables: { id: connectionId },
    });
    const { secret, deletions, expiries } = await storedTables();
    const id = identityOf(emulator, secret).deletionId(connectionId);
    expect(deletions).toEqual([[id, expect.stringMatching(/^\d{13}$/)]]);
    expect(expiries).toContainEqual([[TIME, 'deletion', id], '']);
  });
});

describeWithProgram('redis-server', 'the store in Redis keeps the keys of', program => {
  const PREFIX = 'dli-gateway:{once}:';

  it('a create that is in progress', async () => {
    const redis = await startRedisServer(program);
    const { create, emulator } = await startGateway({ env: { REDIS_URL: redis.url } });
    emulator.inject({ operation: 'createConnection', behaviour: 'hang' });
    const answer = create({ idempotencyKey: KEY });
    await emulator.ledger.waitFor('createConnection', 1);
    const client = openClient(redis.url);
    const secret = Buffer.from((await client.get(`${PREFIX}secret`)) ?? '', 'hex');
    const { identity } = identityOf(emulator, secret);
    const { id, nameId } = identity;
    const keys = (await client.keys('*')).map(key => key.replace(/(?<=:count:)[0-9a-f-]{36}$/, '<uuid>'));
    expect(keys.toSorted()).toEqual(
      ['count:<uuid>', `name:${nameId}`, 'open', `record:${id}`, 'secret', 'server'].map(key => PREFIX + key),
    );
    const record = JSON.parse((await client.get(`${PREFIX}record:${id}`)) ?? '');
    expect(record).toEqual({ ...identity, ...SENT, state: 'SENDING' });
    expect(await client.get(`${PREFIX}name:${nameId}`)).toBe(id);
    expect(await client.zrange(`${PREFIX}open`, 0, -1)).toEqual([id]);
    // As a number, because Redis may print the same number differently.
    expect(Number(await client.zscore(`${PREFIX}open`, id))).toBe(record.ownedUntilMs);
    await client.quit();
    // Ends the create that hangs.
    await emulator.close();
    await closeGateways();
    await answer.catch(() => undefined);
  });

  it('connections and deletions', async () => {
    const redis = await startRedisServer(program);
    const { create, emulator, send } = await startGateway({
      env: { REDIS_URL: redis.url },
      emulator: { creationMs: 0 },
    });
    const { connectionId = '' } = await create({ idempotencyKey: KEY });
    await send({
      query: 'mutation ($id: ID!) { deleteDatasourceConnection(input: { id: $id }) { __typename } }',
      variables: { id: connectionId },
    });
    const client = openClient(redis.url);
    const secret = Buffer.from((await client.get(`${PREFIX}secret`)) ?? '', 'hex');
    const { identity, deletionId } = identityOf(emulator, secret);
    expect(await client.get(`${PREFIX}connection:${connectionId}`)).toBe(identity.id);
    expect(await client.get(`${PREFIX}deletion:${deletionId(connectionId)}`)).toMatch(/^\d{13}$/);
  });
});

describe('a stored record', () => {
  const codec = new RecordCodec();
  const HASH = 'a'.repeat(64);
  const begun = {
    version: 1,
    id: HASH,
    projectId: HASH,
    nameId: HASH,
    fingerprint: HASH,
    state: 'SENDING',
    owner: '5f0e8c1e-8f0e-4f6a-9d0a-2f1b7c3d4e5f',
    ownedUntilMs: 1_700_000_025_000.5,
    sentAtMs: 1_700_000_000_000,
    wanted: { name: 'orders_pg', service: 'RDS', url: '192.168.0.12:5432' },
    expiresAtMs: 1_700_600_000_000,
  };
  const rejection = { code: 'REJECTED', upstreamCode: 'DLI.1028', requestId: null };

  it.each([
    ['SENDING', begun],
    ['SENDING, sent once more', { ...begun, isResent: true, unknownReason: 'CONNECTION_LOST', requestId: 'r' }],
    ['SUCCEEDED', { ...begun, state: 'SUCCEEDED', connectionId: 'c', message: 'm', isReconciled: false }],
    ['SUCCEEDED, without the optional fields', { ...begun, state: 'SUCCEEDED', connectionId: 'c' }],
    [
      'SUCCEEDED, with the fields of an unknown outcome',
      {
        ...begun,
        state: 'SUCCEEDED',
        connectionId: 'c',
        message: null,
        isReconciled: true,
        requestId: 'r',
        lastSentAtMs: 1_700_000_000_500,
        emptySinceMs: 1_700_000_001_000,
        nextCheckAtMs: 1_700_000_002_000,
        isSettled: true,
      },
    ],
    ['REJECTED', { ...begun, state: 'REJECTED', rejection }],
    ["REJECTED, with DLI's words", { ...begun, state: 'REJECTED', rejection, message: 'm' }],
    [
      'UNKNOWN, for a missing right',
      {
        ...begun,
        state: 'UNKNOWN',
        unknownReason: 'UPSTREAM_ERROR',
        rejection: { ...rejection, code: 'AUTH_FAILED' },
        emptySinceMs: 1_700_000_001_000,
      },
    ],
    [
      'REJECTED, with the fields of an unknown outcome',
      {
        ...begun,
        state: 'REJECTED',
        rejection,
        requestId: 'r',
        lastSentAtMs: 1_700_000_000_500,
        nextCheckAtMs: 1_700_000_002_000,
      },
    ],
    ['UNKNOWN', { ...begun, state: 'UNKNOWN', unknownReason: 'TIMEOUT_AFTER_SEND' }],
    [
      'UNKNOWN, with all fields',
      {
        ...begun,
        state: 'UNKNOWN',
        hasMarker: true,
        isResent: true,
        unknownReason: 'GATEWAY_RESTART',
        requestId: 'r',
        lastSentAtMs: 1_700_000_000_500,
        suspected: rejection,
        isSettled: true,
        emptySinceMs: 1_700_000_001_000,
        nextCheckAtMs: 1_700_000_002_000,
      },
    ],
  ])('is read and written unchanged: %s', (_state, stored) => {
    const record = codec.read(JSON.stringify(stored));
    expect(record).toMatchObject({ state: stored.state, owner: stored.owner });
    if (record !== undefined) expect(codec.read(new RecordCodec().write(record))).toEqual(record);
  });

  it.each([
    'TIMEOUT_AFTER_SEND',
    'CONNECTION_LOST',
    'UPSTREAM_ERROR',
    'UNREADABLE_RESPONSE',
    'UNEXPECTED_REDIRECT',
    'GATEWAY_RESTART',
    'STORE_LOST',
  ])('may have the unknown reason %s', unknownReason => {
    const stored = { ...begun, state: 'UNKNOWN', unknownReason };
    expect(codec.read(JSON.stringify(stored))).toEqual(stored);
  });

  it.each([
    ['the version after the next', { ...begun, version: 3 }],
    ['an unknown state', { ...begun, state: 'DONE' }],
    ['a success without its connection', { ...begun, state: 'SUCCEEDED' }],
    ['a refusal without its reason', { ...begun, state: 'REJECTED' }],
    ['an unlisted unknown reason', { ...begun, state: 'UNKNOWN', unknownReason: 'BAD_LUCK' }],
  ])('is unreadable with %s', (_what, stored) => {
    expect(codec.read(JSON.stringify(stored))).toBeUndefined();
  });
});

describe('the log of one create keeps the fields and values of', () => {
  const gateway = shareGateway({ env: { OPERATION_TIMEOUT_MS: '4000' } });

  // Two refusals in a row, even in different tests, suspend the credential.
  beforeEach(async () => void (await pageOf(gateway())));

  /** The log lines of the creates that are sent to DLI for one mutation. */
  async function createsOfOne(...faults: Omit<Fault, 'operation'>[]): Promise<unknown[]> {
    const { create, emulator, log } = gateway();
    for (const fault of faults) emulator.inject({ ...fault, operation: 'createConnection' });
    const logBefore = log().length;
    await create({ name: freshName() });
    return createsIn(log().slice(logBefore));
  }

  it('a success', async () => {
    expect(await createsOfOne()).toEqual([
      {
        level: 30,
        time: TIME,
        ...IDS,
        target: 'dli',
        operation: 'createConnection',
        outcome: 'created',
        durationMs: TIME,
        mayHaveBeenSent: true,
        status: 201,
        upstreamRequestId: HEX_32,
        msg: 'upstream',
      },
    ]);
  });

  it.each([
    [
      { error: 'DLI.0006' },
      { outcome: 'NAME_TAKEN', status: 400, upstreamCode: 'DLI.0006', upstreamMessage: 'The object exists.' },
    ],
    [
      { error: 'DLI.1028' },
      { outcome: 'REJECTED', status: 400, upstreamCode: 'DLI.1028', upstreamMessage: 'The quota is insufficient.' },
    ],
    [
      { error: 'DLI.0013' },
      { outcome: 'AUTH', status: 401, upstreamCode: 'DLI.0013', upstreamMessage: 'User authentication error.' },
    ],
    [
      { error: 'APIGW.0802' },
      {
        outcome: 'AUTH_FAILED',
        status: 403,
        upstreamCode: 'APIGW.0802',
        upstreamMessage: 'The IAM user is forbidden in the currently selected region.',
      },
    ],
    [
      { error: 'DLI.0999' },
      { outcome: 'UPSTREAM_ERROR', status: 400, upstreamCode: 'DLI.0999', upstreamMessage: 'Server-side errors.' },
    ],
    [{ status: 302 }, { outcome: 'UNEXPECTED_REDIRECT', status: 302 }],
    [
      { status: 200, body: 'no JSON' },
      { outcome: 'UNREADABLE_RESPONSE', status: 200 },
    ],
    [
      { status: 200, body: { is_success: false } },
      { outcome: 'unsuccessful', status: 200 },
    ],
    [
      { behaviour: 'reset' },
      { outcome: 'CONNECTION_LOST', errorType: 'CONNECTION_LOST', causeCode: expect.any(String) },
    ],
    [{ behaviour: 'hang' }, { outcome: 'TIMEOUT_AFTER_SEND', errorType: 'TIMEOUT' }],
  ] as const)('the response %j', async (fault, words) => {
    expect(await createsOfOne(fault)).toEqual([
      {
        level: 40,
        time: TIME,
        ...IDS,
        target: 'dli',
        operation: 'createConnection',
        durationMs: TIME,
        mayHaveBeenSent: true,
        ...('status' in words && { upstreamRequestId: HEX_32 }),
        msg: 'upstream',
        ...words,
      },
    ]);
  });

  it('a refusal that is retried', async () => {
    expect(await createsOfOne({ error: 'APIGW.0308' }, { error: 'APIGW.0613' })).toMatchObject([
      { level: 40, outcome: 'THROTTLED', status: 429, upstreamCode: 'APIGW.0308' },
      { level: 40, outcome: 'UNAVAILABLE', status: 503, upstreamCode: 'APIGW.0613' },
    ]);
  });
});

describe('the log of a create keeps the fields and values of', () => {
  it('a create that was not sent', async () => {
    const { create, log } = await startGateway({ env: { DLI_ENDPOINT: 'http://127.0.0.1:9' } });
    for (let count = 0; count < 3; count += 1) await create();
    const attempts = createsIn(log());
    expect(attempts[0]).toEqual({
      level: 40,
      time: TIME,
      ...IDS,
      target: 'dli',
      operation: 'createConnection',
      outcome: 'notSent',
      durationMs: TIME,
      mayHaveBeenSent: false,
      causeCode: 'ECONNREFUSED',
      errorType: 'UNREACHABLE',
      msg: 'upstream',
    });
    expect(attempts.at(-1)).toMatchObject({ outcome: 'notSent', errorType: 'BREAKER_OPEN' });
    expect(linesOf(log(), 'circuit breaker opened')).toEqual([
      {
        level: 40,
        time: TIME,
        operation: 'createConnection',
        outcome: 'BREAKER_OPENED',
        detail: 'UNREACHABLE',
        causeCode: 'ECONNREFUSED',
        msg: 'circuit breaker opened',
      },
    ]);
  });

  it('a failed sign-in', async () => {
    const { create, emulator, log } = await startGateway({ env: { HUAWEICLOUD_SDK_PROJECT_ID: undefined } });
    emulator.inject({ operation: 'any', status: 403, times: 0 });
    await create();
    expect(linesOf(log(), 'no authentication for DLI')).toEqual([
      {
        level: 40,
        time: TIME,
        ...IDS,
        operation: 'authenticate',
        outcome: 'AUTH_FAILED',
        durationMs: TIME,
        mayHaveBeenSent: false,
        detail: expect.stringContaining('403'),
        msg: 'no authentication for DLI',
      },
    ]);
  });

  it.each([
    [{ behaviour: 'reset', apply: true }, 'found'],
    [{ behaviour: 'reset', apply: false }, 'settled without trace'],
    [{ status: 200, body: { is_success: false } }, 'refused'],
  ] as const)('a reconciliation after %j', async (fault, outcome) => {
    const { create, emulator, log, logged } = await startGateway({ env: { RECONCILE_SETTLE_MS: '200' } });
    emulator.inject({ operation: 'createConnection', ...fault });
    await create();
    await logged('create reconciled');
    // Absent if it was found in the background.
    const lines = linesOf(log(), 'create reconciled').map(line => ({ requestId: HEX_32, ...(line as object) }));
    expect(lines).toEqual([
      {
        level: 30,
        time: TIME,
        ...IDS,
        operation: 'reconcile',
        operationId: HEX_64,
        ...(outcome === 'found' && { connectionId: UUID }),
        outcome,
        afterMs: TIME,
        msg: 'create reconciled',
      },
    ]);
  });

  it.each([
    [2, {}, 'ambiguous'],
    [1, { name: null }, 'incomplete'],
  ])('a reconciliation that finds %d candidates in the list', async (count, changes, outcome) => {
    const { create, emulator, log, logged } = await startGateway({ env: { OPERATION_TIMEOUT_MS: '4000' } });
    emulator.inject({ operation: 'createConnection', behaviour: 'reset' });
    const listed = {
      name: 'orders_pg',
      state: 'ACTIVE',
      service: 'rds',
      destination: '192.168.0.12:5432',
      create_time: Date.now(),
      ...changes,
    };
    const ids = ['0b5f3f6a-2c5e-4e3f-9a59-0f4f5b1f7c11', '1b5f3f6a-2c5e-4e3f-9a59-0f4f5b1f7c11'];
    const connections = ids.slice(0, count).map(id => ({ ...listed, connection_id: id }));
    emulator.inject({ operation: 'listConnections', body: { connections }, times: 0 });
    await Promise.all([create(), logged('connection cannot be attributed to one create')]);
    const [line] = linesOf(log(), 'connection cannot be attributed to one create');
    // The ids of a request are absent in the background.
    expect({ requestId: HEX_32, ...(line as object) }).toEqual({
      level: 40,
      time: TIME,
      ...IDS,
      operation: 'reconcile',
      operationId: HEX_64,
      outcome,
      msg: 'connection cannot be attributed to one create',
    });
  });
});
