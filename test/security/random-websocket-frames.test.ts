import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { inParallel } from '../helpers/in-parallel.js';
import { PATIENT_TIMEOUTS } from '../helpers/patient-timeouts.js';
import { fuzzSize } from '../helpers/proof-size.js';
import { chooseSeed, randomOf } from '../helpers/random.js';
import { closeSubscribers, nextOf, subscribe, WATCH } from '../helpers/subscribers.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';
import { expectHealthy, fuzzTimeoutMs, openSockets } from './helpers/gateway-health.js';
import type { Tally } from './helpers/tally.js';
import { findRare } from './helpers/tally.js';
import { generateWebSocketConversation } from './helpers/websocket-conversation.js';
import { converseOverWebSocket } from './helpers/websocket-run.js';

const CONVERSATIONS = fuzzSize(60, 300);
const AT_A_TIME = 10;
const MAX_PROBLEMS = 5;
const TOKEN_MS = 12 * 60 * 60_000;
/** Low limits, so that whatever is counted but never released exhausts them. */
const LIMITS = { clientTimeouts: PATIENT_TIMEOUTS, connectionsPerNetwork: 60, connectionsPerTenant: 40 };
const ENVIRONMENT = {
  LOG_LEVEL: 'info',
  FOLLOW_CALLS_PER_SECOND: '1000',
  RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: '100000',
};
/** The minimum average number of conversations, or of their messages, of each kind per 1,000 conversations. */
const EXPECTED_OF_1000: Readonly<Tally> = {
  correct: 250,
  odd: 300,
  'served to the end': 250,
  connection_ack: 400,
  next: 100,
  complete: 50,
  error: 400,
  pong: 400,
  BAD_REQUEST: 100,
  GRAPHQL_VALIDATION_FAILED: 40,
  GRAPHQL_PARSE_FAILED: 50,
  'closed with 1002': 20,
  'closed with 4400': 50,
  'closed with 4401': 20,
};

afterEach(closeSubscribers);

it(
  'random frames and messages over a WebSocket are answered, or end it with a documented code',
  async () => {
    const seed = chooseSeed();
    process.stdout.write(`Random WebSocket frames: ${CONVERSATIONS}, replay with PROOF_SEED=${seed}\n`);
    const gateway = await startTokenGateway(ENVIRONMENT, { limits: LIMITS });
    const { emulator, graphqlUrl } = gateway;
    const token = await gateway.sign({ claims: { exp: Math.floor((Date.now() + TOKEN_MS) / 1_000) } });
    const ids = ['CREATING', 'ACTIVE', 'FAILED'].map(state => emulator.seedConnection({ state }).connectionId);
    const pool = { inputs: [], names: [], cursors: [], enhancedInputs: [], enhancedIds: [], ids };
    const server = { url: graphqlUrl, token, waitForServer: () => gateway.ask(token) };
    await gateway.ask(token);
    const socketsBefore = openSockets();
    const tally: Tally = {};
    const numbers = Array.from({ length: CONVERSATIONS }, (_, index) => index);
    const problems = await inParallel(numbers, AT_A_TIME, async number => {
      const random = randomOf(`${seed}/${number}`);
      const conversation = generateWebSocketConversation(random, pool, number);
      const problem = await converseOverWebSocket(server, conversation, random, tally);
      return problem === undefined ? [] : [`conversation ${number}: ${problem}`];
    });

    process.stdout.write(`Random WebSocket frames: ${JSON.stringify(tally)}\n`);
    expect({ seed, problems: problems.flat().slice(0, MAX_PROBLEMS) }).toEqual({ seed, problems: [] });
    expect({ seed, rare: findRare(tally, EXPECTED_OF_1000, CONVERSATIONS) }).toEqual({ seed, rare: [] });
    // No quota was held longer than its subscription, and no mutation was executed.
    expect([tally['RATE_LIMITED'], tally['OVERLOADED']]).toEqual([undefined, undefined]);
    expect(emulator.ledger.count('createConnection') + emulator.ledger.count('deleteConnection')).toBe(0);
    // Connections to DLI and those of this test's own clients are closed once they have been idle.
    while (openSockets() > socketsBefore) await delay(20);
    const [id = ''] = ids;
    const events = subscribe('graphql-ws', graphqlUrl, { query: WATCH, variables: { id } }, token);
    expect(await nextOf(events)).toMatchObject({ data: { datasourceConnection: { id, state: 'CREATING' } } });
    await expectHealthy(gateway, bearer(token));
  },
  fuzzTimeoutMs(CONVERSATIONS),
);
