import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { inParallel } from '../helpers/in-parallel.js';
import { PATIENT_TIMEOUTS } from '../helpers/patient-timeouts.js';
import { fuzzSize } from '../helpers/proof-size.js';
import { chooseSeed, randomOf } from '../helpers/random.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';
import { expectHealthy, fuzzTimeoutMs, openSockets } from './helpers/gateway-health.js';
import { generateConversation } from './helpers/http-conversation.js';
import { CANARY, SENT } from './helpers/http-message.js';
import { converse } from './helpers/http-run.js';
import type { Tally } from './helpers/tally.js';
import { findRare } from './helpers/tally.js';

const CONVERSATIONS = fuzzSize(120, 750);
const AT_A_TIME = 10;
const MAX_PROBLEMS = 5;
const TOKEN_MS = 12 * 60 * 60_000;
/** Low limits, so that connections that are counted but never released exhaust them. */
const LIMITS = { clientTimeouts: PATIENT_TIMEOUTS, connectionsPerNetwork: 60, connectionsPerTenant: 40 };
const ENVIRONMENT = {
  LOG_LEVEL: 'info',
  RATE_LIMIT_CREATES_PER_SECOND: '0',
  RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: '100000',
};
/** The minimum average number of conversations of each kind, or answers with each status, per 1,000 conversations. */
const EXPECTED_OF_1000: Readonly<Tally> = {
  executed: 120,
  refused: 200,
  anything: 100,
  'status 200': 250,
  'status 400': 250,
};

it(
  'random HTTP is answered as HTTP, and no request is hidden in another one',
  async () => {
    const seed = chooseSeed();
    process.stdout.write(`Random HTTP framing: ${CONVERSATIONS}, replay with PROOF_SEED=${seed}\n`);
    const gateway = await startTokenGateway(ENVIRONMENT, { limits: LIMITS });
    const { emulator, graphqlUrl, adminUrl } = gateway;
    const token = await gateway.sign({ claims: { exp: Math.floor((Date.now() + TOKEN_MS) / 1_000) } });
    expect((await gateway.createAs(token)).status).toBe(200);
    const socketsBefore = openSockets();
    const tally: Tally = {};
    const numbers = Array.from({ length: CONVERSATIONS }, (_, index) => index);
    const problems = await inParallel(numbers, AT_A_TIME, async number => {
      const random = randomOf(`${seed}/${number}`);
      const conversation = generateConversation(random, token, number);
      const problem = await converse(graphqlUrl, conversation, random, () => fetch(`${adminUrl}/livez`), tally);
      return problem === undefined ? [] : [`conversation ${number}: ${problem}`];
    });

    process.stdout.write(`Random HTTP framing: ${JSON.stringify(tally)}\n`);
    expect({ seed, problems: problems.flat().slice(0, MAX_PROBLEMS) }).toEqual({ seed, problems: [] });
    expect({ seed, rare: findRare(tally, EXPECTED_OF_1000, CONVERSATIONS) }).toEqual({ seed, rare: [] });
    const names = emulator.connections().map(({ name }) => name);
    expect(names.filter(name => name.startsWith(CANARY))).toEqual([]);
    const sent = names.filter(name => name.startsWith(SENT));
    expect(sent.length).toBeGreaterThan(CONVERSATIONS / 20);
    expect(new Set(sent).size).toBe(sent.length);
    // Connections to DLI and those of this test's own clients are closed once they have been idle.
    while (openSockets() > socketsBefore) await delay(20);
    await expectHealthy(gateway, bearer(token));
  },
  fuzzTimeoutMs(CONVERSATIONS),
);
