import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Emulator } from '../../src/emulator/emulator.js';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { CREATE_MUTATION, closeGateways, sendGraphql, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { findBadLines, linesOf, linesWith } from '../helpers/log-lines.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import { openClient } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';

const EXIT_CONFIG = 78;
const NOWHERE = 'http://127.0.0.1:9';

afterEach(closeGateways);

function linesOfStore(gateway: GatewayProcess) {
  return linesOf(gateway.stdout()).filter(({ operation }) => operation === 'store');
}

it('a folder that cannot store records is refused at the start with its variable and the reason', async () => {
  const gateway = startGatewayProcess({ ...environmentFor(NOWHERE), DATA_DIR: '/dev/null/records' });
  expect(await gateway.end()).toBe(EXIT_CONFIG);
  expect(gateway.stderr()).toMatch(/^ {2}DATA_DIR the operation records cannot be kept .*ENOTDIR/m);
});

describeWithProgram('prlimit', 'a folder that can no longer store records', program => {
  // A limit on the file size simulates a full disk: LMDB cannot write in either case.
  const LIMIT_ON_SIGNAL = `
    import { execFileSync } from 'node:child_process';
    const limit = bytes => {
      execFileSync(${JSON.stringify(program)}, ['--pid', String(process.pid), '--fsize=' + bytes + ':']);
      console.log(JSON.stringify({ msg: 'limit ' + bytes }));
    };
    process.on('SIGUSR2', () => limit(4096));
    process.on('SIGWINCH', () => limit('unlimited'));`;
  let emulator: Emulator;
  let folder: string;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    emulator = createEmulator();
    const url = await emulator.listen();
    onCleanup(() => emulator.close());
    folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-unusable-'));
    onCleanup(() => rmSync(folder, { recursive: true, force: true }));
    const environment = { ...environmentFor(url), DATA_DIR: join(folder, 'data') };
    gateway = startGatewayProcess(environment, { preload: LIMIT_ON_SIGNAL });
    await gateway.addresses();
  });
  beforeEach(() => emulator.reset({ keepTokens: true }));
  afterAll(async () => {
    gateway.signal('SIGTERM');
    expect(await gateway.end()).toBe(0);
    expect(findBadLines(gateway.stdout() + gateway.stderr())).toEqual([]);
  });

  async function create(name: string): Promise<unknown> {
    const { graphqlUrl } = await gateway.addresses();
    const variables = { input: { ...VALID_INPUT, name } };
    const { body } = await sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables });
    return body.data?.['createDatasourceConnection'];
  }

  it('on a full disk refuses creates, logs variable and reason once, recovers, and prints only JSON', async () => {
    const earlier = linesOfStore(gateway).length;
    expect(await create('before')).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
    gateway.signal('SIGUSR2');
    // The gateway notices it without a call.
    await gateway.find(/"detail":"diskFull"/);
    for (const name of ['full1', 'full2', 'full3'])
      expect(await create(name)).toMatchObject({ code: 'IDEMPOTENCY_STORE_UNAVAILABLE' });
    gateway.signal('SIGWINCH');
    await gateway.find(/"detail":"diskFull".*"outcome":"available".*\n/s);
    expect(await create('after')).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });

    expect(linesOfStore(gateway).slice(earlier)).toMatchObject([
      { level: 40, detail: 'diskFull', msg: 'DATA_DIR: the operation records cannot be written: EFBIG.' },
      { level: 30, msg: 'the operation records can be used again' },
    ]);
    expect(findBadLines(gateway.stdout() + gateway.stderr())).toEqual([]);
    expect(emulator.ledger.count('createConnection')).toBe(2);
  });

  it('because it was moved refuses creates until it is back', async () => {
    const earlier = linesOfStore(gateway).length;
    const [dataDir, elsewhere] = [join(folder, 'data'), join(folder, 'elsewhere')];
    // LMDB would keep writing to files that no later process can find.
    renameSync(dataDir, elsewhere);
    await gateway.find(/"detail":"folderGone"/);
    expect(await create('moved')).toMatchObject({ code: 'IDEMPOTENCY_STORE_UNAVAILABLE' });
    renameSync(elsewhere, dataDir);
    await gateway.find(/"detail":"folderGone".*"outcome":"available".*\n/s);
    expect(await create('moved')).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
    expect(linesOfStore(gateway).slice(earlier)).toMatchObject([{ detail: 'folderGone' }, { outcome: 'available' }]);
    expect(findBadLines(gateway.stdout() + gateway.stderr())).toEqual([]);
    expect(emulator.ledger.count('createConnection')).toBe(1);
  });
});

describeWithProgram('redis-server', 'a Redis whose eviction policy may drop records', program => {
  it('is refused at the start, with its variable and the policy', async () => {
    const redis = await startRedisServer(program, { arguments: ['--maxmemory-policy', 'allkeys-lru'] });
    await expect(startGateway({ env: { REDIS_URL: redis.url } })).rejects.toMatchObject({
      name: 'ConfigError',
      problems: [{ key: 'REDIS_URL', rule: expect.stringMatching(/^maxmemory-policy of this Redis is "allkeys-lru"/) }],
    });
  });
});

describeWithProgram('redis-server', 'a Redis', program => {
  it('whose user may not use INFO causes only JSON to be printed', async () => {
    const redis = await startRedisServer(program);
    const admin = openClient(redis.url);
    await admin.call('ACL', 'SETUSER', 'gateway', 'on', '>password', '~*', '&*', '+@all', '-info');
    const url = redis.url.replace('//', '//gateway:password@');
    const gateway = startGatewayProcess({ ...environmentFor(NOWHERE), REDIS_URL: url });
    await gateway.addresses();
    gateway.signal('SIGTERM');
    expect(await gateway.end()).toBe(0);
    expect(findBadLines(gateway.stdout() + gateway.stderr())).toEqual([]);
    expect(linesWith(gateway.stdout(), 'a library printed a message')).not.toEqual([]);
  });
});
