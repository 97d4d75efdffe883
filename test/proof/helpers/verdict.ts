import type { Emulator } from '../../../src/emulator/emulator.js';
import type { Payload } from '../../helpers/gateway.js';
import type { CallRecord, CreateHistory } from './caller.js';
import { lastAnswer } from './caller.js';
import type { CreatePlan } from './create-plan.js';

type Connection = ReturnType<Emulator['connections']>[number];
/** What the ledger holds of one name. */
interface Truth {
  objects: readonly Connection[];
  posts: number;
}

/** Compares answers with the ledger: each list holds sentences about what is wrong. */
export interface Verdict {
  /** I1: more than one connection for one key. */
  duplicates: string[];
  /** I2: an answer that is not true. */
  lies: string[];
  /** I3: answered "unknown" at the end, although DLI lists the connection. */
  undecidedButListed: string[];
  /** I6: a POST after one that had not been refused for certain. */
  postsWithoutProof: string[];
  /** Answered "in progress" at the end. */
  stuck: string[];
}

/** Figures of a run, for people. */
export interface Figures {
  creates: number;
  posts: number;
  objects: number;
  /** Last answers by their code. */
  ends: Record<string, number>;
  /** All answers by their code. */
  answers: Record<string, number>;
}

/** Compares every answer with what DLI did. */
export function judge(
  plans: readonly CreatePlan[],
  histories: readonly CreateHistory[],
  emulator: Emulator,
): { verdict: Verdict; figures: Figures } {
  const truths = readTruths(emulator);
  const verdict: Verdict = {
    duplicates: [],
    lies: [],
    undecidedButListed: [],
    postsWithoutProof: [],
    stuck: [],
  };
  const figures: Figures = { creates: histories.length, posts: 0, objects: 0, ends: {}, answers: {} };
  for (const [index, history] of histories.entries()) {
    const { name } = history.input;
    const plan = plans[index];
    const { objects, posts } = truths.get(name) ?? { objects: [], posts: 0 };
    const [object] = objects;
    const last = lastAnswer(history);
    const end = codeOf(last);
    count(figures.ends, end);
    for (const { payload } of history.calls) count(figures.answers, codeOf(payload));
    figures.posts += posts;
    figures.objects += objects.length;
    const describe = (problem: string) =>
      `${name}: ${problem}; faults ${JSON.stringify(plan?.faults)}; answers ${describeCalls(history)}`;
    if (objects.length > 1) verdict.duplicates.push(describe(`${objects.length} connections`));
    for (const lie of findLies(history, object, plan?.isTwice ?? false)) verdict.lies.push(describe(lie));
    if (end === 'OUTCOME_UNKNOWN' && object !== undefined)
      verdict.undecidedButListed.push(describe(object.connectionId));
    if (end === 'IDEMPOTENCY_IN_PROGRESS' || last === undefined) verdict.stuck.push(describe('no end'));
    if (posts > 1 + refusalsBeforeDoubt(plan)) verdict.postsWithoutProof.push(describe(`${posts} POSTs`));
  }
  return { verdict, figures };
}

function codeOf(payload: Payload | undefined): string {
  return payload === undefined ? 'none' : (payload.code ?? 'CREATED');
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function readTruths({ ledger, connections }: Emulator): Map<string, Truth> {
  const truths = new Map<string, { objects: Connection[]; posts: number }>();
  const of = (name: string) => {
    const truth = truths.get(name) ?? { objects: [], posts: 0 };
    truths.set(name, truth);
    return truth;
  };
  const entries = ledger.entries('createConnection');
  if (entries.length !== ledger.count('createConnection')) throw new Error('The ledger has forgotten POSTs.');
  for (const { body } of entries) of(JSON.parse(body).name).posts += 1;
  for (const connection of connections()) of(connection.name).objects.push(connection);
  return truths;
}

/** POSTs after which another one is allowed: the scripted refusals up to the first fault that proves nothing. */
function refusalsBeforeDoubt(plan: CreatePlan | undefined): number {
  const faults = plan?.faults ?? [];
  const doubt = faults.findIndex(({ proves }) => proves === 'NOTHING');
  return doubt === -1 ? faults.length : doubt;
}

function findLies({ input, calls }: CreateHistory, object: Connection | undefined, isTwice: boolean): string[] {
  return calls.flatMap(({ payload, startedAtMs, endedAtMs }) => {
    switch (payload?.__typename) {
      case 'CreateDatasourceConnectionSuccess':
        if (object === undefined || object.connectionId !== payload.connectionId)
          return [`no connection ${payload.connectionId}`];
        return isAsOrdered(object, input) ? [] : [`other fields ${JSON.stringify(object)}`];
      case 'NameTakenError':
      case 'DliRejectedError':
        return object === undefined ? [] : ['refused, but it exists'];
      case 'DliUnavailableError': {
        // Says that this call sent nothing, and nothing about those before it.
        if (payload.code === 'IDEMPOTENCY_STORE_UNAVAILABLE') return [];
        // While the other call of a pair works, this one knows of itself only.
        const untilMs = isTwice ? startedAtMs : endedAtMs;
        return object !== undefined && object.createdAtMs < untilMs ? ['"nothing was created", but it was'] : [];
      }
      case 'OutcomeUnknownError':
      case 'IdempotencyConflictError':
      case undefined:
        return [];
      default:
        return [`unexpected ${payload?.__typename}`];
    }
  });
}

function isAsOrdered(object: Connection, { service, url, ...input }: CreateHistory['input']): boolean {
  return (
    object.service.toLowerCase() === service.toLowerCase() &&
    object.destination === url &&
    object.securityGroupId === input.securityGroupId &&
    object.networkId === input.networkId &&
    JSON.stringify(object.tags) === JSON.stringify(input.tags)
  );
}

function describeCalls({ calls }: CreateHistory): string {
  const describe = ({ payload, startedAtMs, endedAtMs }: CallRecord) =>
    `${payload?.code ?? payload?.connectionId ?? 'nothing'} (${startedAtMs} to ${endedAtMs})`;
  return calls.map(describe).join(', ');
}
