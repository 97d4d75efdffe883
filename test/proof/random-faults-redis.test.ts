import { it } from '@jest/globals';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { RANDOM_FAULTS_TIMEOUT_MS, runRandomFaults } from './helpers/random-faults.js';

describeWithProgram('redis-server', 'creates through two gateways that share Redis', program => {
  it(
    'have no duplicates and no wrong answers despite random faults and crashes',
    async () => {
      const { url } = await startRedisServer(program);
      await runRandomFaults('two gateways that share Redis', 2, { REDIS_URL: url });
    },
    RANDOM_FAULTS_TIMEOUT_MS,
  );
});
