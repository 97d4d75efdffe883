import { expect, it } from '@jest/globals';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { startUpstream } from '../idempotency/helpers/idempotency-gateway.js';

const EXIT_CONFIG = 78;
const NOWHERE = 'http://127.0.0.1:9';

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

  it('refuses creates, is logged once with its variable and reason, and can recover', async () => {
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
    await gateway.find(/limit 4096/);
    for (const name of ['full1', 'full2', 'full3'])
      expect(await create(name)).toMatchObject({ code: 'IDEMPOTENCY_STORE_UNAVAILABLE' });
    gateway.signal('SIGWINCH');
    await gateway.find(/limit unlimited/);
    expect(await create('after')).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });

    const problems = gateway.logLines().filter(({ msg }) => msg.startsWith('DATA_DIR'));
    expect(problems.map(({ msg }) => msg)).toEqual(['DATA_DIR: the operation records cannot be written: EFBIG.']);
    expect(emulator.ledger.count('createConnection')).toBe(2);
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
