import { it } from '@jest/globals';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { proveRandomFaults, RANDOM_FAULTS_TIMEOUT_MS } from './helpers/random-faults.js';

describeWithProgram('redis-server', 'creates through two gateways on one Redis', program => {
  it(
    'end without a duplicate and without a lie, whatever DLI and the gateways suffer',
    async () => {
      const { url } = await startRedisServer(program);
      await proveRandomFaults('two gateways on one Redis', 2, { REDIS_URL: url });
    },
    RANDOM_FAULTS_TIMEOUT_MS,
  );
});
