import { setTimeout as delay } from 'node:timers/promises';
import { afterEach } from '@jest/globals';
import type { Emulator, EmulatorOptions } from '../../../src/emulator/emulator.js';
import { createEmulator } from '../../../src/emulator/emulator.js';
import { createTestClock } from '../../helpers/clock.js';
import type { Payload, TestGateway, TestGatewayOptions } from '../../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../../helpers/gateway.js';

/** A key that keeps the rule. */
export const KEY = 'order-4711-attempt-1';

/** Answers to callers, by member and code. */
export const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
export const UNAVAILABLE = { __typename: 'DliUnavailableError', code: 'UPSTREAM_UNAVAILABLE' };
export const KEY_REUSED = { __typename: 'IdempotencyConflictError', code: 'IDEMPOTENCY_KEY_REUSED' };
export const IN_PROGRESS = { __typename: 'IdempotencyConflictError', code: 'IDEMPOTENCY_IN_PROGRESS' };
export const NAME_TAKEN = { __typename: 'NameTakenError', code: 'NAME_CONFLICT' };

/** An upstream without an answer proves nothing: it is done or not, and the caller cannot know. */
export const LOST = { operation: 'createConnection', behaviour: 'reset', apply: false } as const;
export const DONE_BUT_LOST = { operation: 'createConnection', behaviour: 'reset', apply: true } as const;

/** A list that does not show yet what was made. */
export const NOT_LISTED_YET = {
  operation: 'listConnections',
  body: { is_success: true, count: 0, connections: [] },
  times: 0,
} as const;

/** What the emulator's ledger testifies. */
export interface Witness {
  emulator: Emulator;
  /** How many creates DLI got. */
  posts(): number;
  /** Ids of the connections that those creates made. */
  applied(): string[];
}

/** A gateway that settles unknown creates within a second, where real ones take two minutes. Time can be passed. */
export interface OnceGateway extends TestGateway, Witness {
  /** Repeats a create until its answer is of this member; fails after two minutes. */
  createUntil(member: string, changes: Record<string, unknown>): Promise<Payload>;
  /** Repeats a create until nobody else works on it any more. */
  createUntilDecided(changes: Record<string, unknown>): Promise<Payload>;
  /** Lets time pass for the gateway and its emulator; timers of the system do not notice. */
  passMs(ms: number): void;
  /** Waits until the list has been read so many times more. */
  looks(count: number): Promise<void>;
  /** Lets the settle time pass, and waits until one more create is settled without a trace. */
  settle(): Promise<void>;
}

const SETTLE_MS = '1000';
const PATIENCE_MS = 110_000;
const PAUSE_MS = 50;
const upstreams: Emulator[] = [];

afterEach(async () => {
  await closeGateways();
  for (const emulator of upstreams.splice(0)) await emulator.close();
});

/** Starts a gateway on an emulator of its own, with one clock; both end after the test. */
export async function startIdempotencyGateway(options: TestGatewayOptions = {}): Promise<OnceGateway> {
  const clock = createTestClock();
  const env = { RECONCILE_SETTLE_MS: SETTLE_MS, ...options.env };
  const emulator = { now: () => clock.epochMs(), ...options.emulator };
  const gateway = await startGateway({ clock, ...options, emulator, env });
  let settled = 0;
  return {
    ...gateway,
    ...witnessOf(gateway.emulator),
    createUntil: (member, changes) =>
      until(
        () => gateway.create(changes),
        payload => payload.__typename === member,
      ),
    createUntilDecided: changes =>
      until(
        () => gateway.create(changes),
        ({ __typename }) => __typename !== IN_PROGRESS.__typename,
      ),
    passMs: ms => clock.advance(ms),
    async looks(count) {
      const { ledger } = gateway.emulator;
      await ledger.waitFor('listConnections', ledger.count('listConnections') + count);
    },
    async settle() {
      clock.advance(Number(env.RECONCILE_SETTLE_MS));
      settled += 1;
      await gateway.logged('settled without trace', settled);
    },
  };
}

/** Starts an upstream that several gateways share, or that comes back on a port; it ends after the test. */
export async function startUpstream(
  options: Partial<EmulatorOptions> = {},
  port = 0,
): Promise<Witness & { url: string }> {
  const emulator = createEmulator(options);
  const url = await emulator.listen(port);
  upstreams.push(emulator);
  return { url, ...witnessOf(emulator) };
}

/** Asks again and again until the answer is the wanted one, for at most two minutes. */
export async function until<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (performance.now() > endMs) throw new Error(`The last answer was ${JSON.stringify(answer)}`);
    await delay(PAUSE_MS);
  }
}

/** Sends the example create with changes, for tests about the exchange itself. */
export function postCreate(
  graphqlUrl: string,
  changes: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: createBody(changes),
    ...(signal !== undefined && { signal }),
  });
}

/** The JSON text of the example create with changes. */
export function createBody(changes: Record<string, unknown>): string {
  return JSON.stringify({ query: CREATE_MUTATION, variables: { input: { ...VALID_INPUT, ...changes } } });
}

/** Reads what an emulator's ledger testifies. */
export function witnessOf(emulator: Emulator): Witness {
  return {
    emulator,
    posts: () => emulator.ledger.count('createConnection'),
    applied: () => emulator.ledger.entries('createConnection').flatMap(entry => entry.appliedConnectionId ?? []),
  };
}
