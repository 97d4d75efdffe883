import type { Emulator } from '../../../src/emulator/emulator.js';
import type { Payload } from '../../helpers/gateway.js';
import type { CallStory, CreateStory } from './caller.js';
import { lastAnswer } from './caller.js';
import type { CreatePlan } from './create-plan.js';

type Connection = ReturnType<Emulator['connections']>[number];
/** What the ledger holds of one name. */
interface Truth {
  objects: readonly Connection[];
  posts: number;
}

/** What the ledger says about what callers were told: each list holds sentences about what is wrong. */
export interface Verdict {
  /** I1: more than one connection for one key. */
  duplicates: string[];
  /** I2: an answer that is not true. */
  lies: string[];
  /** I3: told "unknown" at the end, although DLI lists the connection. */
  undecidedButListed: string[];
  /** I6: a POST after one that had not been refused for certain. */
  postsWithoutProof: string[];
  /** Told "in progress" at the end. */
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

/** Compares what every caller was told with what DLI did. */
export function judge(
  plans: readonly CreatePlan[],
  stories: readonly CreateStory[],
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
  const figures: Figures = { creates: stories.length, posts: 0, objects: 0, ends: {}, answers: {} };
  for (const [index, story] of stories.entries()) {
    const { name } = story.input;
    const plan = plans[index];
    const { objects, posts } = truths.get(name) ?? { objects: [], posts: 0 };
    const [object] = objects;
    const last = lastAnswer(story);
    const end = codeOf(last);
    count(figures.ends, end);
    for (const { payload } of story.calls) count(figures.answers, codeOf(payload));
    figures.posts += posts;
    figures.objects += objects.length;
    const tell = (problem: string) =>
      `${name}: ${problem}; faults ${JSON.stringify(plan?.faults)}; told ${tellCalls(story)}`;
    if (objects.length > 1) verdict.duplicates.push(tell(`${objects.length} connections`));
    for (const lie of liesTold(story, object, plan?.isTwice ?? false)) verdict.lies.push(tell(lie));
    if (end === 'OUTCOME_UNKNOWN' && object !== undefined)
      verdict.undecidedButListed.push(tell(object.connectionId));
    if (end === 'IDEMPOTENCY_IN_PROGRESS' || last === undefined) verdict.stuck.push(tell('no end'));
    if (posts > 1 + refusalsBeforeDoubt(plan)) verdict.postsWithoutProof.push(tell(`${posts} POSTs`));
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

function liesTold({ input, calls }: CreateStory, object: Connection | undefined, isTwice: boolean): string[] {
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
        // While the other call of a pair works, this one can tell of itself only.
        const untilMs = isTwice ? startedAtMs : endedAtMs;
        return object !== undefined && object.createdAtMs < untilMs
          ? ['"nothing was created", but it was']
          : [];
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

function isAsOrdered(object: Connection, { service, url, ...input }: CreateStory['input']): boolean {
  return (
    object.service.toLowerCase() === service.toLowerCase() &&
    object.destination === url &&
    object.securityGroupId === input.securityGroupId &&
    object.networkId === input.networkId &&
    JSON.stringify(object.tags) === JSON.stringify(input.tags)
  );
}

function tellCalls({ calls }: CreateStory): string {
  const tell = ({ payload, startedAtMs, endedAtMs }: CallStory) =>
    `${payload?.code ?? payload?.connectionId ?? 'nothing'} (${startedAtMs} to ${endedAtMs})`;
  return calls.map(tell).join(', ');
}
