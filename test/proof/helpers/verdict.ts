import type { Emulator } from '../../../src/emulator/emulator.js';
import type { Payload } from '../../helpers/gateway.js';
import type { CallRecord, CreateHistory } from './caller.js';
import { identify, lastAnswer } from './caller.js';
import type { CreatePlan } from './create-plan.js';

type Connection = ReturnType<Emulator['connections']>[number];
/** What DLI did for one name and address, according to the emulator. */
interface UpstreamState {
  connections: readonly Connection[];
  posts: number;
}

/** The contradictions between the answers and the emulator, as sentences. */
export interface Verdict {
  /** More than one connection for one key. */
  duplicates: string[];
  /** An answer that is not true. */
  wrongAnswers: string[];
  /** The last answer is an unknown outcome, although DLI lists the connection. */
  unknownButListed: string[];
  /** A POST after one that was not provably refused. */
  postsWithoutProof: string[];
  /** The last answer is "in progress", or there is none. */
  stuck: string[];
}

/** Figures of a run, to be printed. */
export interface Figures {
  creates: number;
  posts: number;
  connections: number;
  /** Last answers by their code. */
  ends: Record<string, number>;
  /** All answers by their code. */
  answers: Record<string, number>;
}

/** Compares every answer with what DLI did. No two creates may have the same name and address. */
export function checkAnswers(
  plans: readonly Pick<CreatePlan, 'faults' | 'isTwice'>[],
  histories: readonly CreateHistory[],
  emulator: Emulator,
): { verdict: Verdict; figures: Figures } {
  const states = readUpstream(emulator);
  const verdict: Verdict = {
    duplicates: [],
    wrongAnswers: [],
    unknownButListed: [],
    postsWithoutProof: [],
    stuck: [],
  };
  const figures: Figures = { creates: histories.length, posts: 0, connections: 0, ends: {}, answers: {} };
  for (const [index, history] of histories.entries()) {
    const { name, url } = history.input;
    const plan = plans[index];
    const { connections, posts } = states.get(identify(name, url)) ?? { connections: [], posts: 0 };
    const [connection] = connections;
    const last = lastAnswer(history);
    const end = codeOf(last);
    count(figures.ends, end);
    for (const { payload } of history.calls) count(figures.answers, codeOf(payload));
    figures.posts += posts;
    figures.connections += connections.length;
    const describe = (problem: string) =>
      `${name}: ${problem}; faults ${JSON.stringify(plan?.faults)}; answers ${describeCalls(history)}`;
    if (connections.length > 1) verdict.duplicates.push(describe(`${connections.length} connections`));
    for (const wrongAnswer of findWrongAnswers(history, connection, plan?.isTwice ?? false))
      verdict.wrongAnswers.push(describe(wrongAnswer));
    if (end === 'OUTCOME_UNKNOWN' && connection !== undefined)
      verdict.unknownButListed.push(describe(connection.connectionId));
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

function readUpstream({ ledger, connections }: Emulator): Map<string, UpstreamState> {
  const states = new Map<string, { connections: Connection[]; posts: number }>();
  const of = (name: string, url: string) => {
    const state = states.get(identify(name, url)) ?? { connections: [], posts: 0 };
    states.set(identify(name, url), state);
    return state;
  };
  const entries = ledger.entries('createConnection');
  if (entries.length !== ledger.count('createConnection')) throw new Error('The ledger is incomplete.');
  for (const { body } of entries) {
    const { name, url } = JSON.parse(body) as { name: string; url: string };
    of(name, url).posts += 1;
  }
  for (const connection of connections()) of(connection.name, connection.destination).connections.push(connection);
  return states;
}

/** Number of POSTs that may be followed by another one: the refusals before the first ambiguous response. */
function countLeadingRefusals(plan: Pick<CreatePlan, 'faults'> | undefined): number {
  const faults = plan?.faults ?? [];
  const ambiguous = faults.findIndex(({ proves }) => proves === 'NOTHING');
  return ambiguous === -1 ? faults.length : ambiguous;
}

function findWrongAnswers(
  { input, calls }: CreateHistory,
  connection: Connection | undefined,
  isTwice: boolean,
): string[] {
  return calls.flatMap(({ payload, startedAtMs, endedAtMs }) => {
    switch (payload?.__typename) {
      case 'CreateDatasourceConnectionSuccess':
        if (connection === undefined || connection.connectionId !== payload.connectionId)
          return [`no connection ${payload.connectionId}`];
        return matchesInput(connection, input) ? [] : [`other fields ${JSON.stringify(connection)}`];
      case 'NameTakenError':
      case 'DliRejectedError':
        return connection === undefined ? [] : ['refused, but it exists'];
      case 'DliUnavailableError': {
        // Refers to this call only, not to earlier ones.
        if (payload.code === 'IDEMPOTENCY_STORE_UNAVAILABLE') return [];
        // While the other call of a pair is in progress, the answer refers to this call only.
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

function matchesInput(connection: Connection, { service, url, ...input }: CreateHistory['input']): boolean {
  return (
    lettersOf(connection.service) === lettersOf(service) &&
    connection.destination === url &&
    connection.securityGroupId === input.securityGroupId &&
    connection.networkId === input.networkId &&
    JSON.stringify(connection.tags) === JSON.stringify(input.tags ?? [])
  );
}

// DLI spells a service in another way: CloudTable.OPENTSDB for CLOUD_TABLE_OPENTSDB.
function lettersOf(service: string): string {
  return service.toLowerCase().replace(/[^a-z]/g, '');
}

function describeCalls({ calls }: CreateHistory): string {
  const describe = ({ payload, startedAtMs, endedAtMs }: CallRecord) =>
    `${payload?.code ?? payload?.connectionId ?? 'nothing'} (${startedAtMs} to ${endedAtMs})`;
  return calls.map(describe).join(', ');
}
