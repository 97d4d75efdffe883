import { afterAll, beforeEach, expect } from '@jest/globals';
import type { Environment } from '../../../src/config/secret-files.js';
import type { Fault } from '../../../src/emulator/emulator.js';
import type { GraphqlAnswer, TestGateway, TestGatewayOptions } from '../../helpers/gateway.js';
import { findBadLines } from '../../helpers/log-lines.js';
import { pageOf } from '../../helpers/read-connections.js';
import {
  findLeaks,
  SENTINEL_ACCESS_KEY,
  SENTINEL_EMULATOR,
  SENTINEL_USER,
  SENTINELS,
} from '../../helpers/sentinels.js';
import { shareGateway } from '../../helpers/shared-gateway.js';

/** Everything that an upstream could know, in one text. */
export const EVERYTHING = Object.values(SENTINELS).join(' ');

/** Faults of one operation, described as in "the create is reset". */
export type Faults = [how: string, fault: Partial<Fault>][];

/** What a gateway can sign in with. */
export const CREDENTIALS: [kind: string, env: Environment][] = [
  ['an access key', SENTINEL_ACCESS_KEY],
  ['an IAM user', SENTINEL_USER],
];

const ERROR_BODY = { error_code: 'DLI.0001', error_msg: EVERYTHING };
const ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';

/** Faults of a call to DLI whose responses contain everything an upstream could know. */
export const QUICK_FAULTS: Faults = [
  ['is reset', { behaviour: 'reset' }],
  ['gets no response', { behaviour: 'close' }],
  ['gets a response that is too long', { behaviour: 'huge' }],
  ['is reset during the response', { behaviour: 'resetDuringAnswer', body: EVERYTHING }],
  ['gets a truncated response', { behaviour: 'truncate', body: EVERYTHING, truncateAt: EVERYTHING.length - 1 }],
  ...[400, 401, 403, 404, 429, 500, 502].map((status): [string, Partial<Fault>] => [
    `gets ${status}`,
    { status, body: ERROR_BODY },
  ]),
  ['is refused for the token', { error: 'APIGW.0307', headers: { 'X-Extra': encodeURIComponent(EVERYTHING) } }],
  ['is refused for lack of permissions', { status: 403, body: { ...ERROR_BODY, error_code: 'APIGW.0302' } }],
  ['gets a malformed error code', { status: 400, body: { error_code: `DLI.0001 ${EVERYTHING}` } }],
  ['is redirected', { redirectTo: `https://${SENTINELS.accessKey}.example.com/${SENTINELS.projectId}` }],
  ['gets invalid JSON', { body: `{"message":"${EVERYTHING}` }],
  ['gets HTML', { status: 502, body: `<html>${EVERYTHING}` }],
  ['gets malformed headers', { status: 429, headers: oddHeaders(SENTINELS.securityToken) }],
  ['gets a malformed id', { body: { connection_id: EVERYTHING } }],
  ['is unsuccessful', { body: { is_success: false, message: EVERYTHING } }],
];

function oddHeaders(secret: string): Record<string, string> {
  return { 'X-Request-Id': secret, 'Retry-After': secret, 'Content-Type': secret, Date: secret };
}

/** Successes of creates whose messages contain one of the gateway's secrets. */
export function messagesWith(env: Environment): Faults {
  return Object.entries({ ...env, iamToken: SENTINELS.iamToken }).flatMap(([name, secret]) =>
    secret === undefined
      ? []
      : [[`gets a message with ${name}`, { body: { message: `About ${secret}.`, connection_id: ID } }]],
  );
}

/** Options of a gateway that signs in with sentinels, and whose operations end within seconds. */
export function optionsFor(env: Environment): TestGatewayOptions {
  return {
    env: { OPERATION_TIMEOUT_MS: '2000', READ_FRESHNESS_MS: '0', ...env },
    emulator: { ...SENTINEL_EMULATOR, peeringMs: 0 },
    // Long, because each read of the list is logged and has to be searched.
    limits: { minReconciliationMs: 500, bindingRecheckMs: 60 },
  };
}

/** Shares one gateway that signs in with sentinels, whose whole log is searched for leaks after the last test. */
export function shareSentinelGateway(env: Environment): () => TestGateway {
  const gateway = shareGateway(optionsFor(env));
  afterAll(() => expect(findLeaks(gateway().log())).toEqual([]));
  // Two refusals in a row, even in different tests, suspend the credential.
  beforeEach(async () => void (await pageOf(gateway())));
  return gateway;
}

/** Expects no leak in the responses of requests whose calls of these operations fail, nor in the log. */
export async function expectNoLeaks(
  { emulator, log }: TestGateway,
  faults: readonly Fault[],
  send: () => Promise<GraphqlAnswer[]>,
): Promise<void> {
  for (const fault of faults) emulator.inject({ times: 0, ...fault });
  const countCalls = () => faults.map(({ operation }) => emulator.ledger.count(operation));
  const [callsBefore, logBefore] = [countCalls(), log().length];
  const answers = await send();
  const lines = log().slice(logBefore);
  const callsAfter = countCalls();
  for (const [index, { operation, skip = 0 }] of faults.entries()) {
    expect(callsAfter[index]).toBeGreaterThan((callsBefore[index] ?? 0) + skip);
    expect(lines).toContain(`"operation":"${operation}"`);
  }
  const shown = answers.map(({ headers, body }) => `${JSON.stringify([...headers])}\n${JSON.stringify(body)}`);
  expect(findLeaks(`${shown.join('\n')}\n${lines}`)).toEqual([]);
  expect(findBadLines(lines)).toEqual([]);
}
