import type { Emulator } from '../../../src/emulator/emulator.js';
import type { Payload } from '../../helpers/gateway.js';
import type { CallRecord, CreateHistory } from './caller.js';
import { lastAnswer } from './caller.js';
import type { ConnectionKind, HeldConnection, PlannedInput } from './connection-kind.js';
import { allEntries } from './connection-kind.js';
import type { CreatePlan } from './create-plan.js';

/** What DLI did for one create, according to the emulator. */
interface UpstreamState<Input extends PlannedInput> {
  connections: HeldConnection<Input>[];
  posts: number;
}

/** The contradictions between the answers and the emulator, as sentences. */
export interface Verdict {
  /** Keys with more than one connection. */
  duplicates: string[];
  /** Answers that are not true. */
  wrongAnswers: string[];
  /** Creates whose last answer is an unknown outcome although DLI lists the connection. */
  unknownButListed: string[];
  /** POSTs after one that was not provably refused. */
  postsWithoutProof: string[];
  /** Creates whose last answer is "in progress", or that have none. */
  stuck: string[];
}

/** The verdict of a correct run. */
export const NO_CONTRADICTIONS: Verdict = {
  duplicates: [],
  wrongAnswers: [],
  unknownButListed: [],
  postsWithoutProof: [],
  stuck: [],
};

/** The figures of a run, for printing. */
export interface Figures {
  creates: number;
  posts: number;
  connections: number;
  /** Last answers by their code. */
  ends: Record<string, number>;
  /** All answers by their code. */
  answers: Record<string, number>;
}

/**
 * Compares every answer with what DLI did. No two creates may have the same identity.
 *
 * @param settleMs the settle time of the gateways: a connection that the emulator made later, because the machine is
 *   slow, need not be attributed to its create. Default: each must be.
 */
export function checkAnswers<Input extends PlannedInput>(
  kind: ConnectionKind<Input>,
  plans: readonly Pick<CreatePlan, 'faults' | 'isTwice'>[],
  histories: readonly CreateHistory<Input>[],
  emulator: Emulator,
  settleMs = Number.POSITIVE_INFINITY,
): { verdict: Verdict; figures: Figures } {
  const states = readUpstream(kind, emulator);
  const verdict: Verdict = {
    duplicates: [],
    wrongAnswers: [],
    unknownButListed: [],
    postsWithoutProof: [],
    stuck: [],
  };
  const figures: Figures = { creates: histories.length, posts: 0, connections: 0, ends: {}, answers: {} };
  for (const [index, history] of histories.entries()) {
    const plan = plans[index];
    const { connections, posts } = states.get(kind.identify(history.input)) ?? { connections: [], posts: 0 };
    const [connection] = connections;
    const last = lastAnswer(history);
    const end = codeOf(last);
    count(figures.ends, end);
    for (const { payload } of history.calls) count(figures.answers, codeOf(payload));
    figures.posts += posts;
    figures.connections += connections.length;
    const describe = (problem: string) =>
      `${history.input.name}: ${problem}; faults ${JSON.stringify(plan?.faults)}; answers ${describeCalls(history)}`;
    if (connections.length > 1) verdict.duplicates.push(describe(`${connections.length} connections`));
    for (const wrongAnswer of findWrongAnswers(history, connection, plan?.isTwice ?? false))
      verdict.wrongAnswers.push(describe(wrongAnswer));
    const attributableUntilMs = (history.calls[0]?.startedAtMs ?? 0) + settleMs;
    if (end === 'OUTCOME_UNKNOWN' && connection !== undefined && connection.createdAtMs <= attributableUntilMs)
      verdict.unknownButListed.push(describe(`${connection.connectionId}, created at ${connection.createdAtMs}`));
    if (end === 'IDEMPOTENCY_IN_PROGRESS' || last === undefined) verdict.stuck.push(describe('no end'));
    if (posts > 1 + countLeadingRefusals(plan)) verdict.postsWithoutProof.push(describe(`${posts} POSTs`));
  }
  return { verdict, figures };
}

function codeOf(payload: Payload | undefined): string {
  return payload === undefined ? 'none' : (payload.code ?? 'CREATED');
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function readUpstream<Input extends PlannedInput>(
  kind: ConnectionKind<Input>,
  emulator: Emulator,
): Map<string, UpstreamState<Input>> {
  const states = new Map<string, UpstreamState<Input>>();
  const of = (identity: string) => {
    const state = states.get(identity) ?? { connections: [], posts: 0 };
    states.set(identity, state);
    return state;
  };
  for (const { body } of allEntries(emulator, kind.operation)) of(kind.identifyRequest(body)).posts += 1;
  for (const connection of kind.held(emulator)) of(connection.identity).connections.push(connection);
  return states;
}

/** Number of POSTs that may be followed by another one: the refusals before the first ambiguous response. */
function countLeadingRefusals(plan: Pick<CreatePlan, 'faults'> | undefined): number {
  const faults = plan?.faults ?? [];
  const ambiguous = faults.findIndex(({ proves }) => proves === 'NOTHING');
  return ambiguous === -1 ? faults.length : ambiguous;
}

function findWrongAnswers<Input extends PlannedInput>(
  { input, calls }: CreateHistory<Input>,
  connection: HeldConnection<Input> | undefined,
  isTwice: boolean,
): string[] {
  return calls.flatMap(({ payload, startedAtMs, endedAtMs }) => {
    switch (payload?.__typename) {
      case 'CreateDatasourceConnectionSuccess':
      case 'CreateEnhancedDatasourceConnectionSuccess':
        if (connection === undefined || connection.connectionId !== payload.connectionId)
          return [`no connection ${payload.connectionId}`];
        return connection.contradictions(input, payload);
      case 'NameTakenError':
      case 'DliRejectedError':
        return connection === undefined ? [] : ['refused, but it exists'];
      case 'DliUnavailableError': {
        // Refers only to this call, not to earlier ones.
        if (payload.code === 'IDEMPOTENCY_STORE_UNAVAILABLE') return [];
        // While the other call of a pair is in progress, the answer refers only to this call.
        const untilMs = isTwice ? startedAtMs : endedAtMs;
        return connection !== undefined && connection.createdAtMs < untilMs
          ? ['"nothing was created", but it was']
          : [];
      }
      case 'OutcomeUnknownError':
      case 'IdempotencyInProgressError':
      case 'IdempotencyKeyReusedError':
      case undefined:
        return [];
      default:
        return [`unexpected ${payload?.__typename}`];
    }
  });
}

function describeCalls({ calls }: Pick<CreateHistory, 'calls'>): string {
  const describe = ({ payload, startedAtMs, endedAtMs }: CallRecord) => {
    const notBound = payload?.notBound?.map(({ name, code }) => ` without ${name}: ${code}`) ?? [];
    const answer = payload?.code ?? payload?.connectionId ?? 'nothing';
    return `${answer}${notBound.join()} (${startedAtMs} to ${endedAtMs})`;
  };
  return calls.map(describe).join(', ');
}
