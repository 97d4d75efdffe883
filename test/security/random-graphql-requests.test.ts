import { afterEach, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { fuzzSize } from '../helpers/proof-size.js';
import { chooseSeed } from '../helpers/random.js';
import { expectHealthy, fuzzTimeoutMs } from './helpers/gateway-health.js';
import { GraphqlRun } from './helpers/graphql-run.js';
import type { Tally } from './helpers/tally.js';
import { findRare } from './helpers/tally.js';

const REQUESTS = fuzzSize(120, 500);
/** DLI's list grows with every create, so the emulator forgets all connections after this many requests. */
const REQUESTS_PER_RUN = 500;
const MAX_PROBLEMS = 5;
const ENVIRONMENT = { LOG_LEVEL: 'info', READ_CALLS_PER_SECOND: '1000', FOLLOW_CALLS_PER_SECOND: '1000' };

/** The minimum average number of requests per 1,000 that end in each way. */
const EXPECTED_OF_1000: Readonly<Tally> = {
  'data of query': 120,
  'data of create': 120,
  'data of enhanced create': 40,
  'data of bindings': 40,
  CreateEnhancedDatasourceConnectionSuccess: 25,
  BindDatasourceConnectionSuccess: 3,
  UnbindDatasourceConnectionSuccess: 3,
  'data of delete': 40,
  'data of subscription': 32,
  CreateDatasourceConnectionSuccess: 96,
  DeleteDatasourceConnectionSuccess: 24,
  'payload BAD_USER_INPUT': 12,
  'payload OUTCOME_UNKNOWN': 8,
  'payload IDEMPOTENCY_KEY_REUSED': 6,
  'payload UPSTREAM_REJECTED': 4,
  'payload UPSTREAM_THROTTLED': 3,
  'payload NAME_CONFLICT': 1,
  'payload CONNECTION_NOT_FOUND': 6,
  GRAPHQL_PARSE_FAILED: 48,
  GRAPHQL_VALIDATION_FAILED: 32,
  OPERATION_TOO_COMPLEX: 8,
  BAD_USER_INPUT: 64,
  BAD_REQUEST: 48,
  UNSUPPORTED_MEDIA_TYPE: 6,
  'status 406': 1,
};

afterEach(closeGateways);

it(
  'random GraphQL requests are all answered truthfully and in the documented form',
  async () => {
    const seed = chooseSeed();
    process.stdout.write(`Random GraphQL requests: ${REQUESTS}, replay with PROOF_SEED=${seed}\n`);
    const gateway = await startGateway({ env: ENVIRONMENT, emulator: { uniqueNames: false, creationMs: 0 } });
    const tally: Tally = {};
    for (let sent = 0, run = 0; sent < REQUESTS; sent += REQUESTS_PER_RUN, run += 1) {
      const problems = await new GraphqlRun(gateway, seed, run, tally).send(
        Math.min(REQUESTS_PER_RUN, REQUESTS - sent),
      );
      expect({ seed, problems: problems.slice(0, MAX_PROBLEMS) }).toEqual({ seed, problems: [] });
    }

    process.stdout.write(`Random GraphQL requests: ${JSON.stringify(tally)}\n`);
    expect({ seed, rare: findRare(tally, EXPECTED_OF_1000, REQUESTS) }).toEqual({ seed, rare: [] });
    await expectHealthy(gateway);
  },
  fuzzTimeoutMs(REQUESTS),
);
