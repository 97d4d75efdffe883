import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { RedisStore } from '../../src/operation-store/redis-store.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';

const ID = 'a'.repeat(64);
const LONGER_THAN_A_COMMAND_MS = 300;

describeWithProgram('redis-server', 'a gateway that was busy for longer than Redis may take', program => {
  it('reads the answer that came in the meantime', async () => {
    const { url } = await startRedisServer(program);
    const problems: string[] = [];
    const store = await RedisStore.connect(url, problem => problems.push(problem));
    // From a callback of I/O, as requests are handled: there the timers are due before the next I/O.
    await readFile('/etc/hostname');
    const found = store.find(ID, Date.now());
    const endMs = performance.now() + LONGER_THAN_A_COMMAND_MS;
    while (performance.now() < endMs);
    await expect(found).resolves.toEqual({ kind: 'absent' });
    expect(problems).toEqual([]);
    await store.close();
  });
});
