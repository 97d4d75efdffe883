import { expect, it } from '@jest/globals';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';

const EXIT_CONFIG = 78;
const NOWHERE = 'http://127.0.0.1:9';

it('a folder that cannot store records is refused at the start with its variable and the reason', async () => {
  const gateway = startGatewayProcess({ ...environmentFor(NOWHERE), DATA_DIR: '/dev/null/records' });
  expect(await gateway.end()).toBe(EXIT_CONFIG);
  expect(gateway.stderr()).toMatch(/^ {2}DATA_DIR the operation records cannot be kept .*ENOTDIR/m);
});

describeWithProgram('redis-server', 'a Redis whose eviction policy may drop records', program => {
  it('is refused at the start, with its variable and the policy', async () => {
    const redis = await startRedisServer(program, { arguments: ['--maxmemory-policy', 'allkeys-lru'] });
    const gateway = startGatewayProcess({ ...environmentFor(NOWHERE), REDIS_URL: redis.url });
    expect(await gateway.end()).toBe(EXIT_CONFIG);
    expect(gateway.stderr()).toMatch(/^ {2}REDIS_URL maxmemory-policy of this Redis is "allkeys-lru"/m);
  });
});
