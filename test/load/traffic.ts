import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Pool } from 'undici';
import { CREATE_INPUT, freshName } from '../bench/create-request.js';
import { sleepUntil } from '../bench/load.js';

/** Longer than the deadline of any operation of the gateway. */
const RESPONSE_LIMIT_MS = 40_000;

const CREATE = `mutation Create($input: CreateDatasourceConnectionInput!) {
  createDatasourceConnection(input: $input) {
    __typename ... on CreateDatasourceConnectionSuccess { connectionId } ... on UserError { message code } } }`;
const DELETE = `mutation Delete($id: ID!) {
  deleteDatasourceConnection(input: { id: $id }) { __typename ... on UserError { message code } } }`;
const READ = 'query ($id: ID!) { datasourceConnection(id: $id) { id state } }';

/** Number of requests by outcome. */
export type Tally = Record<string, number>;

/** How one request ended. */
export interface RequestResult {
  /** The payload's `__typename`, else the HTTP status and the error code, else the error of the connection. */
  outcome: string;
  connectionId?: string | undefined;
  /** Time from when it was due to its complete response, in milliseconds. */
  latencyMs: number;
  /** When it ended, by `performance.now()`. */
  endedAtMs: number;
  hasRetryAfter: boolean;
}

/** One create: its input and every answer to it. */
export interface CreateCall {
  readonly name: string;
  readonly idempotencyKey: string;
  readonly endings: RequestResult[];
}

/** A client of one or several gateways that treats every ending as an answer. */
export class LoadClient {
  readonly #pool: Pool;

  constructor(url: string, connections: number | null = null) {
    this.#pool = new Pool(new URL(url).origin, {
      connections,
      headersTimeout: RESPONSE_LIMIT_MS,
      bodyTimeout: RESPONSE_LIMIT_MS,
      // Shorter than any idle timeout of the server, which could close a connection just as it is reused.
      keepAliveTimeout: 1_000,
      keepAliveMaxTimeout: 1_000,
    });
  }

  /** Sends a create, or repeats it. */
  async create(call: CreateCall, dueMs = performance.now()): Promise<RequestResult> {
    const { name, idempotencyKey } = call;
    const ending = await this.#send(CREATE, { input: { ...CREATE_INPUT, name, idempotencyKey } }, dueMs);
    call.endings.push(ending);
    return ending;
  }

  delete(id: string, dueMs = performance.now()): Promise<RequestResult> {
    return this.#send(DELETE, { id }, dueMs);
  }

  read(id: string, dueMs = performance.now()): Promise<RequestResult> {
    return this.#send(READ, { id }, dueMs);
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #send(query: string, variables: object, dueMs: number): Promise<RequestResult> {
    try {
      const { statusCode, headers, body } = await this.#pool.request({
        path: '/graphql',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      const text = await body.text();
      return {
        ...readAnswer(statusCode, text),
        ...timesOf(dueMs),
        hasRetryAfter: headers['retry-after'] !== undefined,
      };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      return { outcome: `no answer: ${code}`, ...timesOf(dueMs), hasRetryAfter: false };
    }
  }
}

function timesOf(dueMs: number): Pick<RequestResult, 'latencyMs' | 'endedAtMs'> {
  const endedAtMs = performance.now();
  return { latencyMs: endedAtMs - dueMs, endedAtMs };
}

type Payload = { __typename?: string; connectionId?: string; code?: string } | null;

function readAnswer(status: number, text: string): Pick<RequestResult, 'outcome' | 'connectionId'> {
  let body: { data?: Record<string, Payload> | null; errors?: { extensions?: { code?: string } }[] };
  try {
    body = JSON.parse(text);
  } catch {
    return { outcome: `${status} without JSON` };
  }
  const code = body.errors?.[0]?.extensions?.code;
  if (code !== undefined || !body.data) return { outcome: `${status} ${code ?? 'without data'}` };
  const [payload] = Object.values(body.data);
  const { __typename: type = payload === null ? 'null' : 'read', connectionId, code: userCode } = payload ?? {};
  return { outcome: userCode === undefined ? type : `${type} ${userCode}`, connectionId };
}

/** A create with a unique name and key. */
export function newCreate(): CreateCall {
  return { name: freshName(), idempotencyKey: randomUUID(), endings: [] };
}

/**
 * Sends this many requests per second for a time, whether or not earlier ones have ended. Resolves when all have ended.
 *
 * @param send is called with the time at which the request is due
 */
export async function sendAtRate<T>(
  perSecond: number,
  seconds: number,
  send: (dueMs: number, number: number) => Promise<T>,
): Promise<T[]> {
  const startedMs = performance.now();
  const sent: Promise<T>[] = [];
  for (let number = 0; number < perSecond * seconds; number += 1) {
    const dueMs = startedMs + (number * 1_000) / perSecond;
    await sleepUntil(dueMs);
    sent.push(send(dueMs, number));
  }
  return Promise.all(sent);
}

/** Counts endings by outcome. */
export function tallyOf(endings: readonly RequestResult[]): Tally {
  const tally: Tally = {};
  for (const { outcome } of endings) tally[outcome] = (tally[outcome] ?? 0) + 1;
  return tally;
}

/** Whether the create is a success. */
export function isCreated({ outcome }: RequestResult): boolean {
  return outcome === 'CreateDatasourceConnectionSuccess';
}

/** Whether the request was refused with 503 before anything was done. */
export function isRefusedUnsent({ outcome }: RequestResult): boolean {
  return outcome.startsWith('503 ');
}
