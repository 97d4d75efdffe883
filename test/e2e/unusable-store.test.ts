import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { onCleanup } from '../helpers/clean-up.js';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from '../helpers/gateway.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { findBadLines, linesOf, linesWith } from '../helpers/log-lines.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { startUpstream } from '../idempotency/helpers/idempotency-gateway.js';
import { openClient } from '../operation-store/helpers/redis-access.js';

const EXIT_CONFIG = 78;
const NOWHERE = 'http://127.0.0.1:9';

function linesOfStore(gateway: GatewayProcess) {
  return linesOf(gateway.stdout()).filter(({ operation }) => operation === 'store');
}

it('a folder that cannot store records is refused at the start with its variable and the reason', async () => {
  const gateway = startGatewayProcess({ ...environmentFor(NOWHERE), DATA_DIR: '/dev/null/records' });
  expect(await gateway.end()).toBe(EXIT_CONFIG);
  expect(gateway.stderr()).toMatch(/^ {2}DATA_DIR the operation records cannot be kept .*ENOTDIR/m);
});

describeWithProgram('prlimit', 'a disk that can take no more records', program => {
  // The limit of the size of files stands for a full disk: LMDB cannot write either way.
  const LIMIT_ON_SIGNAL = `
    import { execFileSync } from 'node:child_process';
    const limit = bytes => {
      execFileSync(${JSON.stringify(program)}, ['--pid', String(process.pid), '--fsize=' + bytes + ':']);
      console.log(JSON.stringify({ msg: 'limit ' + bytes }));
    };
    process.on('SIGUSR2', () => limit(4096));
    process.on('SIGWINCH', () => limit('unlimited'));`;

  it('refuses creates, is logged once with its variable and reason, and recovers, with nothing but JSON on both outputs', async () => {
    const { url, emulator } = await startUpstream();
    const gateway = startGatewayProcess(environmentFor(url), { preload: LIMIT_ON_SIGNAL });
    const { graphqlUrl } = await gateway.addresses();
    const create = async (name: string) => {
      const { body } = await sendGraphql(graphqlUrl, {
        query: CREATE_MUTATION,
        variables: { input: { ...VALID_INPUT, name } },
      });
      return body.data?.['createDatasourceConnection'];
    };
    expect(await create('before')).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
    gateway.signal('SIGUSR2');
    // Noticed without a call.
    await gateway.find(/"outcome":"unavailable"/);
    for (const name of ['full1', 'full2', 'full3'])
      expect(await create(name)).toMatchObject({ code: 'IDEMPOTENCY_STORE_UNAVAILABLE' });
    gateway.signal('SIGWINCH');
    await gateway.find(/"outcome":"available"/);
    expect(await create('after')).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
    gateway.signal('SIGTERM');
    expect(await gateway.end()).toBe(0);

    expect(linesOfStore(gateway)).toMatchObject([
      { level: 40, detail: 'diskFull', msg: 'DATA_DIR: the operation records cannot be written: EFBIG.' },
      { level: 30, msg: 'the operation records can be used again' },
    ]);
    expect(findBadLines(gateway.stdout() + gateway.stderr())).toEqual([]);
    expect(emulator.ledger.count('createConnection')).toBe(2);
  });
});

describe('a folder that is moved away', () => {
  it('refuses creates until it is back, because LMDB would write to files that no later process can find', async () => {
    const { url, emulator } = await startUpstream();
    const folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-moved-'));
    onCleanup(() => rmSync(folder, { recursive: true, force: true }));
    const [dataDir, elsewhere] = [join(folder, 'data'), join(folder, 'elsewhere')];
    const gateway = startGatewayProcess({ ...environmentFor(url), DATA_DIR: dataDir });
    const { graphqlUrl } = await gateway.addresses();
    const create = async () => {
      const { body } = await sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables: { input: VALID_INPUT } });
      return body.data?.['createDatasourceConnection'];
    };
    renameSync(dataDir, elsewhere);
    await gateway.find(/"outcome":"unavailable"/);
    expect(await create()).toMatchObject({ code: 'IDEMPOTENCY_STORE_UNAVAILABLE' });
    renameSync(elsewhere, dataDir);
    await gateway.find(/"outcome":"available"/);
    expect(await create()).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
    expect(linesOfStore(gateway)).toMatchObject([{ detail: 'folderGone' }, { outcome: 'available' }]);
    expect(findBadLines(gateway.stdout() + gateway.stderr())).toEqual([]);
    expect(emulator.ledger.count('createConnection')).toBe(1);
  });
});

describeWithProgram('redis-server', 'a Redis whose eviction policy may drop records', program => {
  it('is refused at the start, with its variable and the policy', async () => {
    const redis = await startRedisServer(program, { arguments: ['--maxmemory-policy', 'allkeys-lru'] });
    const gateway = startGatewayProcess({ ...environmentFor(NOWHERE), REDIS_URL: redis.url });
    expect(await gateway.end()).toBe(EXIT_CONFIG);
    expect(gateway.stderr()).toMatch(/^ {2}REDIS_URL maxmemory-policy of this Redis is "allkeys-lru"/m);
  });
});

describeWithProgram('redis-server', 'a Redis', program => {
  it('whose user may not use INFO has only JSON printed', async () => {
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
