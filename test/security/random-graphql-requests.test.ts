import { afterEach, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { fuzzSize } from '../helpers/proof-size.js';
import { chooseSeed } from '../proof/helpers/random.js';
import { expectHealthy, fuzzTimeoutMs } from './helpers/gateway-health.js';
import { GraphqlRun } from './helpers/graphql-run.js';
import type { Tally } from './helpers/tally.js';
import { findRare } from './helpers/tally.js';

const REQUESTS = fuzzSize(120, 500);
/** DLI's list grows with every create, so the emulator forgets all connections after so many requests. */
const REQUESTS_PER_RUN = 500;
const MAX_PROBLEMS = 5;
const ENVIRONMENT = { LOG_LEVEL: 'info', READ_CALLS_PER_SECOND: '1000', FOLLOW_CALLS_PER_SECOND: '1000' };

/** How many of 1,000 requests end in this way at least, on average. */
const EXPECTED_OF_1000: Readonly<Tally> = {
  'data of query': 150,
  'data of create': 150,
  'data of delete': 50,
  'data of subscription': 40,
  CreateDatasourceConnectionSuccess: 120,
  DeleteDatasourceConnectionSuccess: 30,
  'payload BAD_USER_INPUT': 15,
  'payload OUTCOME_UNKNOWN': 10,
  'payload IDEMPOTENCY_KEY_REUSED': 8,
  'payload UPSTREAM_REJECTED': 6,
  'payload UPSTREAM_THROTTLED': 4,
  'payload NAME_CONFLICT': 2,
  'payload CONNECTION_NOT_FOUND': 8,
  GRAPHQL_PARSE_FAILED: 60,
  GRAPHQL_VALIDATION_FAILED: 40,
  OPERATION_TOO_COMPLEX: 10,
  BAD_USER_INPUT: 80,
  BAD_REQUEST: 60,
  UNSUPPORTED_MEDIA_TYPE: 8,
  'status 406': 1,
};

afterEach(closeGateways);

it(
  'random GraphQL requests are all answered truthfully, in the documented form',
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
