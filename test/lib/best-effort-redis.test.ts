import { expect, it } from '@jest/globals';
import { closeRedis, connectBestEffort, RedisClients } from '../../src/lib/redis-client.js';
import { parseRedisUrl } from '../../src/lib/redis-url.js';
import { onCleanup } from '../helpers/clean-up.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';

// Longer than the test takes on any machine: the next lines come when it ends.
const WINDOW_MS = 24 * 3_600_000;

describeWithProgram('redis-server', 'a connection to Redis for features that also work without it', program => {
  it('is logged once as lost and once as back when it keeps coming and going', async () => {
    let server = await startRedisServer(program);
    const lines: object[] = [];
    const write = (outcome: string) => (fields: object) => void lines.push({ outcome, ...fields });
    const clients = new RedisClients({ address: parseRedisUrl(server.url) });
    const redis = await connectBestEffort(clients, 'key', { start: write('lost'), end: write('back') }, WINDOW_MS);
    onCleanup(() => closeRedis(redis));
    for (let count = 0; count < 3; count++) {
      const lost = new Promise(resolve => redis.once('error', resolve));
      await server.kill();
      await lost;
      const back = new Promise(resolve => redis.once('ready', resolve));
      server = await startRedisServer(program, { port: server.port });
      await back;
    }
    expect(lines).toEqual([{ outcome: 'lost' }, { outcome: 'back' }]);
  });
});
