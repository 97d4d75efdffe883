import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { open } from 'lmdb';
import { DEFAULT_PROJECT_ID } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { enhancedCalls } from '../helpers/enhanced-gateway.js';
import { closeGateways } from '../helpers/gateway.js';
import { IN_PROGRESS, startIdempotencyGateway, startUpstream, until } from '../helpers/idempotency-gateway.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import { openClient, PREFIX } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';

/** Records as a gateway of this version has written them, and the calls that began them. Never change: add files. */
const FIXTURE = new URL('../fixtures/records/version-1.json', import.meta.url);
const SECRET = Buffer.alloc(32, 7);
const ANONYMOUS_TENANT = 'everybody';
const SUCCESS = 'CreateDatasourceConnectionSuccess';
const ENHANCED_SUCCESS = 'CreateEnhancedDatasourceConnectionSuccess';
const UNKNOWN = 'OutcomeUnknownError';

/** The answer to a repeat of each call. */
const ANSWERS: Record<string, object> = {
  'a classic create that is being sent': { __typename: UNKNOWN, reason: 'GATEWAY_RESTART' },
  'a classic success': { __typename: SUCCESS, reconciled: false, message: 'It is ready in a minute.' },
  'a classic success that was found in the list': { __typename: SUCCESS, reconciled: true },
  'a classic refusal': { __typename: 'DliRejectedError', dliCode: 'DLI.1028' },
  'a taken name': { __typename: 'NameTakenError' },
  'an unknown classic create': { __typename: UNKNOWN, reason: 'UPSTREAM_ERROR' },
  'an unknown classic create that is settled': { __typename: UNKNOWN, reason: 'CONNECTION_LOST' },
  'an unconfirmed refusal with a marker tag': { __typename: 'DliRejectedError', dliCode: null },
  'a missing right that lists confirm': { __typename: 'DliUnavailableError', code: 'UPSTREAM_AUTH_FAILED' },
  'an enhanced create that is being sent': { __typename: UNKNOWN, reason: 'GATEWAY_RESTART' },
  'an enhanced success without resources': { __typename: ENHANCED_SUCCESS, reconciled: false, notBound: [] },
  'an enhanced success with a resource that is not bound': {
    __typename: ENHANCED_SUCCESS,
    notBound: [expect.objectContaining({ name: 'no_such_queue', code: 'RESOURCE_NOT_FOUND' })],
  },
  // Its connection does not exist here.
  'an enhanced success whose resource is being bound': {
    __typename: ENHANCED_SUCCESS,
    notBound: [expect.objectContaining({ name: 'pool_a', code: 'OUTCOME_UNKNOWN' })],
  },
  'an enhanced success that was found by its likeness': { __typename: ENHANCED_SUCCESS, recognisedBy: 'LIKENESS' },
  'an enhanced success that was found by its label': { __typename: ENHANCED_SUCCESS, recognisedBy: 'LABEL' },
  'an enhanced refusal': { __typename: 'DliRejectedError', dliCode: 'DLI.0002' },
  'an unknown enhanced create': { __typename: UNKNOWN, reason: 'CONNECTION_LOST' },
};
/** The number of undecided records, which settle without trace; the others are decided, settled or removed. */
const SETTLING = 4;
/** This create may be sent again, so its record is removed. */
const REMOVED = 'a missing right that lists confirm';
/** Fields that only a newer gateway knows. */
const NEWER = { version: 2, fence: { token: 7 } };

interface StoredCreate {
  title: string;
  input: { name: string; vpcId?: string; idempotencyKey: string };
  record: { id: string; nameId: string; state: string; ownedUntilMs: number; expiresAtMs: number; isSettled?: boolean };
}

/** Reads the text of a record; undefined if it does not exist. */
type ReadText = (id: string) => Promise<string | undefined>;

afterEach(closeGateways);

/** The records under the keys of a gateway at this address, with times as if their owners had just lost them. */
async function readFixture(url: string, changes: object): Promise<StoredCreate[]> {
  const stored: StoredCreate[] = JSON.parse(await readFile(FIXTURE, 'utf8'));
  const project = `${new URL(url).origin}/${DEFAULT_PROJECT_ID}`;
  const keyed = (...words: string[]) => createHmac('sha256', SECRET).update(JSON.stringify(words)).digest('hex');
  return stored.map(({ title, input, record }, index) => {
    const idempotencyKey = `${input.idempotencyKey}-${index}`;
    const addedMs = Date.now() - 1_000 - record.ownedUntilMs;
    const times = Object.entries(record).flatMap(([name, value]) =>
      name.endsWith('Ms') ? [[name, Number(value) + addedMs]] : [],
    );
    const identity = {
      id: keyed('create', project, ANONYMOUS_TENANT, idempotencyKey),
      projectId: keyed('project', project),
      // All fixtures have the same name, which only one open record may hold.
      nameId: keyed('name', project, `${input.name} ${index}`),
    };
    const moved = { ...record, ...identity, ...(Object.fromEntries(times) as object), ...changes };
    return { title, input: { ...input, idempotencyKey }, record: moved };
  });
}

function isOpen({ state, isSettled }: StoredCreate['record']): boolean {
  return state === 'SENDING' || (state === 'UNKNOWN' && isSettled !== true);
}

async function fillFolder(folder: string, creates: readonly StoredCreate[]): Promise<ReadText> {
  const root = open<string, string>({ path: folder, encoding: 'string', overlappingSync: false, noSubdir: false });
  const table = (name: string) => root.openDB<string, string>(name, { encoding: 'string' });
  await root.put('secret', SECRET.toString('hex'));
  for (const { record } of creates) {
    await table('records').put(record.id, JSON.stringify(record));
    if (isOpen(record)) await table('holders').put(record.nameId, `${record.ownedUntilMs} ${record.id}`);
  }
  const records = table('records');
  onCleanup(() => root.close());
  return async id => {
    root.resetReadTxn();
    return records.get(id);
  };
}

async function fillRedis(url: string, creates: readonly StoredCreate[]): Promise<ReadText> {
  const client = openClient(url);
  await client.set(`${PREFIX}secret`, SECRET.toString('hex'));
  for (const { record } of creates) {
    await client.set(`${PREFIX}record:${record.id}`, JSON.stringify(record));
    await client.pexpireat(`${PREFIX}record:${record.id}`, Math.ceil(record.expiresAtMs));
    if (!isOpen(record)) continue;
    await client.set(`${PREFIX}name:${record.nameId}`, record.id);
    await client.zadd(`${PREFIX}open`, record.ownedUntilMs, record.id);
  }
  return async id => (await client.get(`${PREFIX}record:${id}`)) ?? undefined;
}

/** Repeats every call on a store with the records of its first gateway, and waits until all are decided or settled. */
async function expectRightAnswers(
  store: Record<string, string>,
  fill: (creates: readonly StoredCreate[]) => Promise<ReadText>,
  changes: object,
): Promise<void> {
  const { url, posts, emulator } = await startUpstream({ peeringMs: 0 });
  const creates = await readFixture(url, changes);
  const readText = await fill(creates);
  const env = { ...store, DLI_ENDPOINT: url, RECONCILE_SETTLE_MS: '200', OPERATION_TIMEOUT_MS: '10000' };
  const gateway = await startIdempotencyGateway({ env });
  const { createEnhanced } = enhancedCalls(gateway);
  // All at once, before the background decides those that are due later.
  const answers = await Promise.all(
    creates.map(async ({ title, input }) => {
      const repeat = () => (input.vpcId === undefined ? gateway.create({ ...input }) : createEnhanced({ ...input }));
      return [title, await until(repeat, ({ __typename }) => __typename !== IN_PROGRESS.__typename)] as const;
    }),
  );
  expect(Object.fromEntries(answers)).toMatchObject(ANSWERS);
  await gateway.logged('settled without trace', SETTLING);
  expect([posts(), emulator.ledger.count('createEnhancedConnection')]).toEqual([0, 0]);
  expect(gateway.log()).not.toContain('unreadable');
  for (const { title, record } of creates) {
    const text = await readText(record.id);
    if (title === REMOVED) expect(text).toBeUndefined();
    else expect({ title, ...JSON.parse(text ?? '{}') }).toMatchObject({ title, id: record.id, ...changes });
  }
}

const CASES = [
  ['of version 1', {}],
  ['of version 2, with a field that only that one has', NEWER],
] as const;

it.each(CASES)(
  'LMDB: records %s are read, taken over and settled, and every repeat is answered',
  async (_what, changes) => {
    const folder = await mkdtemp(join(QUICK_FOLDER, 'records-'));
    onCleanup(() => rm(folder, { recursive: true, force: true }));
    await expectRightAnswers({ DATA_DIR: folder }, creates => fillFolder(folder, creates), changes);
  },
);

describeWithProgram('redis-server', 'Redis', program => {
  it.each(CASES)(
    'records %s are read, taken over and settled, and every repeat is answered',
    async (_what, changes) => {
      const { url } = await startRedisServer(program);
      await expectRightAnswers({ REDIS_URL: url }, creates => fillRedis(url, creates), changes);
    },
  );
});
