import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Emulator, EmulatorOptions } from '../../src/emulator/emulator.js';
import { createEmulator } from '../../src/emulator/emulator.js';
import { createTestClock } from './clock.js';
import type { Payload, TestGateway, TestGatewayOptions } from './gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from './gateway.js';
import { freshName } from './shared-gateway.js';

/** A valid key. */
export const KEY = 'order-4711-attempt-1';

/** Payloads of creates, by member and code. */
export const UNKNOWN = { __typename: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN' };
export const UNAVAILABLE = { __typename: 'DliUnavailableError', code: 'UPSTREAM_UNAVAILABLE' };
export const KEY_REUSED = { __typename: 'IdempotencyKeyReusedError', code: 'IDEMPOTENCY_KEY_REUSED' };
export const IN_PROGRESS = { __typename: 'IdempotencyInProgressError', code: 'IDEMPOTENCY_IN_PROGRESS' };
export const NAME_TAKEN = { __typename: 'NameTakenError', code: 'NAME_CONFLICT' };

/** Creates whose connection is reset before the response: not executed, and executed. */
export const LOST = { operation: 'createConnection', behaviour: 'reset', apply: false } as const;
export const EXECUTED_BUT_LOST = { operation: 'createConnection', behaviour: 'reset', apply: true } as const;

/** A list that does not yet show the new connection. */
export const NOT_LISTED_YET = {
  operation: 'listConnections',
  body: { is_success: true, count: 0, connections: [] },
  times: 0,
} as const;

/** The creates that an emulator received, as recorded in its ledger. */
export interface UpstreamCounts {
  emulator: Emulator;
  /** Number of creates that the emulator received. */
  posts(): number;
  /** Ids of the connections that they created. */
  applied(): string[];
}

/** A gateway that settles unknown creates within a second instead of two minutes, with a clock that tests advance. */
export interface IdempotencyGateway extends TestGateway, UpstreamCounts {
  /** Repeats a create until its payload is this member; fails after two minutes. */
  createUntil(member: string, changes: Record<string, unknown>): Promise<Payload>;
  /** Repeats a create while it is in progress elsewhere. */
  createUntilDecided(changes: Record<string, unknown>): Promise<Payload>;
  /** The time of the gateway and its emulator, in milliseconds since the epoch. */
  nowMs(): number;
  /** Advances the clock of the gateway and its emulator, in milliseconds; system timers are not affected. */
  advance(ms: number): void;
  /** Waits until the list has been read this many more times. */
  waitForListReads(count: number): Promise<void>;
  /** Advances the clock by the settle time, and waits until another create is settled without trace. */
  settle(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const SETTLE_MS = '1000';
const TIMEOUT_MS = 110_000;
const PAUSE_MS = 50;
const upstreams: Emulator[] = [];

afterEach(async () => {
  await closeGateways();
  for (const emulator of upstreams.splice(0)) await emulator.close();
});

/** Starts a gateway and its emulator, with a common clock; both stop after the test. */
export async function startIdempotencyGateway(options: TestGatewayOptions = {}): Promise<IdempotencyGateway> {
  const clock = createTestClock();
  const env = { RECONCILE_SETTLE_MS: SETTLE_MS, ...options.env };
  const emulator = { now: () => clock.epochMs(), ...options.emulator };
  const gateway = await startGateway({ clock, ...options, emulator, env });
  let settled = 0;
  return {
    ...gateway,
    ...countsOf(gateway.emulator),
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
    nowMs: () => clock.epochMs(),
    advance: ms => clock.advance(ms),
    async waitForListReads(count) {
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

/**
 * Starts such a gateway for all tests of a group. Before each test the emulator is reset and the clock advances by an
 * hour. Tests need names and keys of their own. The list may still be read for creates that earlier tests left unknown.
 */
export function shareIdempotencyGateway(options: TestGatewayOptions = {}): () => IdempotencyGateway {
  let shared: IdempotencyGateway | undefined;
  const gateway = () => {
    if (shared === undefined) throw new Error('The gateway is started before the first test.');
    return shared;
  };
  beforeAll(async () => {
    shared = await startIdempotencyGateway(options);
  });
  beforeEach(() => {
    gateway().emulator.reset({ keepTokens: true });
    gateway().advance(HOUR_MS);
  });
  return gateway;
}

/** A name and a key that no other test uses. */
export function freshCall(): { name: string; idempotencyKey: string } {
  const name = freshName();
  return { name, idempotencyKey: `${KEY}-${name}` };
}

/** Starts an emulator that several gateways share, or that listens on a given port; it stops after the test. */
export async function startUpstream(
  options: Partial<EmulatorOptions> = {},
  port = 0,
): Promise<UpstreamCounts & { url: string }> {
  const emulator = createEmulator(options);
  const url = await emulator.listen(port);
  upstreams.push(emulator);
  return { url, ...countsOf(emulator) };
}

/** Calls a function until its result is the expected one; fails after two minutes. */
export async function until<T>(call: () => Promise<T>, isExpected: (result: T) => boolean): Promise<T> {
  const endMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    const result = await call();
    if (isExpected(result)) return result;
    if (performance.now() > endMs) throw new Error(`The last result was ${JSON.stringify(result)}`);
    await delay(PAUSE_MS);
  }
}

/** Sends the example create with changes, and returns the HTTP response. */
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

/** Counts the creates in an emulator's ledger. */
export function countsOf(emulator: Emulator): UpstreamCounts {
  return {
    emulator,
    posts: () => emulator.ledger.count('createConnection'),
    applied: () => emulator.ledger.entries('createConnection').flatMap(entry => entry.appliedConnectionId ?? []),
  };
}
