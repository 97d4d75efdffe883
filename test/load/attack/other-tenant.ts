import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { CREATE_INPUT } from '../../bench/create-request.js';

const INTERVAL_MS = 100;
const CREATE = `mutation Create($input: CreateDatasourceConnectionInput!) {
  createDatasourceConnection(input: $input) {
    __typename ... on CreateDatasourceConnectionSuccess { connectionId } ... on UserError { code message } } }`;
const DELETE = `mutation Delete($id: ID!) {
  deleteDatasourceConnection(input: { id: $id }) { __typename ... on UserError { code message } } }`;

type Data = Record<string, { __typename?: string; connectionId?: string; id?: string; items?: unknown[] } | null>;

/**
 * A well-behaved tenant who lists, gets, creates and deletes connections, ten requests a second whether or not the
 * earlier ones are answered.
 */
export class OtherTenant {
  /** Time from when each request was due to its complete response, in milliseconds. */
  readonly latenciesMs: number[] = [];
  /** Descriptions of what failed. */
  readonly failures: string[] = [];
  /** Names of the connections whose create succeeded, with their ids. */
  readonly created = new Map<string, string>();
  readonly #existing: string[];
  readonly #pool: Pool;
  readonly #token: string;
  #isStopped = false;
  #requests = 0;
  readonly #inProgress = new Set<Promise<void>>();

  /** `connectionId` is a connection that exists. */
  constructor(url: string, token: string, connectionId: string) {
    // Far below the gateway's timeout, which may close an idle connection just as it is reused.
    this.#pool = new Pool(new URL(url).origin, {
      connections: 20,
      keepAliveTimeout: 1_000,
      keepAliveMaxTimeout: 1_000,
    });
    this.#token = token;
    this.#existing = [connectionId];
  }

  /** Sends requests until it is stopped. */
  async run(): Promise<void> {
    const startedMs = performance.now();
    while (!this.#isStopped) {
      const dueMs = startedMs + this.#requests * INTERVAL_MS;
      await delay(Math.max(0, dueMs - performance.now()));
      const request = this.#sendNext(this.#requests, dueMs);
      this.#requests += 1;
      this.#inProgress.add(request);
      void request.then(() => this.#inProgress.delete(request));
    }
    await Promise.all(this.#inProgress);
    await this.#pool.close();
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #sendNext(number: number, dueMs: number): Promise<void> {
    try {
      await this.#callNumber(number);
      this.latenciesMs.push(performance.now() - dueMs);
    } catch (error) {
      this.failures.push(`request ${number}: ${String(error)}`);
    }
  }

  async #callNumber(number: number): Promise<void> {
    switch (number % 10) {
      case 3: {
        const name = `other_${number}`;
        const idempotencyKey = randomUUID();
        const { createDatasourceConnection: payload } = await this.#send(CREATE, {
          input: { ...CREATE_INPUT, name, idempotencyKey },
        });
        if (payload?.connectionId === undefined) throw new Error(JSON.stringify(payload));
        this.created.set(name, payload.connectionId);
        this.#existing.push(payload.connectionId);
        return;
      }
      case 8: {
        if (this.#existing.length === 1) return;
        const { deleteDatasourceConnection: payload } = await this.#send(DELETE, { id: this.#existing.pop() });
        if (payload?.__typename !== 'DeleteDatasourceConnectionSuccess') throw new Error(JSON.stringify(payload));
        return;
      }
      case 0:
      case 5: {
        const { datasourceConnections: page } = await this.#send(
          '{ datasourceConnections(first: 20) { items { id name state } } }',
        );
        if (page?.items?.length !== 20) throw new Error(JSON.stringify(page));
        return;
      }
      default: {
        const [id] = this.#existing;
        const { datasourceConnection: connection } = await this.#send(
          'query ($id: ID!) { datasourceConnection(id: $id) { id state } }',
          { id },
        );
        if (connection?.id !== id) throw new Error(JSON.stringify(connection));
      }
    }
  }

  async #send(query: string, variables: object = {}): Promise<Data> {
    const { statusCode, body } = await this.#pool.request({
      path: '/graphql',
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` },
      body: JSON.stringify({ query, variables }),
    });
    const text = await body.text();
    const { data } = JSON.parse(text) as { data?: Data | null };
    if (statusCode !== 200 || data === undefined || data === null) throw new Error(`${statusCode} ${text}`);
    return data;
  }
}
