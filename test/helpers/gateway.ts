import 'reflect-metadata';

import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { loadConfig } from '../../src/config/config.js';
import type { Environment } from '../../src/config/secret-files.js';
import type { Emulator, EmulatorOptions } from '../../src/emulator/emulator.js';
import {
  createEmulator,
  DEFAULT_ACCESS_KEY,
  DEFAULT_PROJECT_ID,
  DEFAULT_PROJECT_NAME,
  DEFAULT_SECRET_KEY,
} from '../../src/emulator/emulator.js';
import type { GatewayLimits } from '../../src/gateway.js';
import { createGateway } from '../../src/gateway.js';
import type { Clock } from '../../src/lib/time.js';
import { createCleanup } from './clean-up.js';
import { printOnFailure } from './failure-log.js';
import { post } from './post.js';
import { QUICK_FOLDER } from './quick-folder.js';

/** A listening gateway with its own emulator. */
export interface TestGateway {
  graphqlUrl: string;
  adminUrl: string;
  emulator: Emulator;
  /** Everything the gateway has logged so far, one JSON text per line. */
  log(): string;
  /** Waits until a text has been logged this many times. */
  logged(text: string, times?: number): Promise<void>;
  /** Sends a GraphQL request and parses the response. */
  send(body: unknown, headers?: Record<string, string>): Promise<GraphqlAnswer>;
  /** Sends the example mutation with changes to its input, and returns the payload. */
  create(changes?: Record<string, unknown>): Promise<Payload>;
  close(): Promise<void>;
}

/** A response to a GraphQL request. */
export interface GraphqlAnswer {
  status: number;
  headers: Headers;
  body: { data?: Record<string, unknown> | null; errors?: GraphqlErrorAnswer[] };
}

/** A top-level error as callers see it. */
interface GraphqlErrorAnswer {
  message: string;
  extensions: {
    code: string;
    traceId?: string;
    problems?: { path: string[]; code: string; message: string; limit?: number }[];
  };
}

/** A member of the payload union of a create, with the fields of all members. */
export interface Payload {
  __typename: string;
  connectionId?: string;
  message?: string;
  code?: string;
  problems?: { path: string[]; code: string; message: string; limit: number | null }[];
  name?: string;
  dliCode?: string | null;
  requestId?: string | null;
  retryAfterSeconds?: number;
  reconciled?: boolean;
  idempotencyKey?: string;
  reason?: string;
}

/** A valid input. */
export const VALID_INPUT = {
  name: 'orders_pg',
  service: 'RDS',
  securityGroupId: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
  networkId: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
  url: '192.168.0.12:5432',
};

/** Every field of every member of a create's payload, except those of its success. */
export const CREATE_ERRORS = `
  ... on InvalidInputError { problems { path code message limit } }
  ... on NameTakenError { name }
  ... on DliRejectedError { dliCode requestId }
  ... on DliUnavailableError { retryAfterSeconds }
  ... on IdempotencyInProgressError { retryAfterSeconds }
  ... on OutcomeUnknownError { idempotencyKey reason requestId retryAfterSeconds }
  ... on UserError { message code }`;

/** The create mutation with every field of every member. */
export const CREATE_MUTATION = `
  mutation Create($input: CreateDatasourceConnectionInput!) {
    createDatasourceConnection(input: $input) {
      __typename
      ... on CreateDatasourceConnectionSuccess { connectionId message reconciled }
      ${CREATE_ERRORS}
    }
  }`;

/** Options of a test gateway. */
export interface TestGatewayOptions {
  /** Environment variables in addition to those for the emulator; undefined removes one. */
  env?: Environment;
  emulator?: Partial<EmulatorOptions>;
  clock?: Clock;
  limits?: GatewayLimits;
  droppedLogLines?: () => number;
}

const opened = createCleanup();

/**
 * Starts a gateway that signs with the emulator's access key; `closeGateways` ends it. A gateway
 * that is started outside a test is shared, and ends after the last test of the file.
 */
export async function startGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const emulator = createEmulator(options.emulator);
  const emulatorUrl = await emulator.listen();
  opened.add(() => emulator.close());
  // Next to the lines, because joining them for every look at the log would take seconds.
  let log = '';
  const lines: string[] = [];
  const logging = new EventEmitter().setMaxListeners(0);
  printOnFailure('Log of a gateway', () => log);
  const destination = new Writable({
    write(chunk, _encoding, done) {
      log += chunk;
      lines.push(String(chunk));
      logging.emit('line');
      done();
    },
  });
  const dataDir = await mkdtemp(join(QUICK_FOLDER, 'dli-gateway-test-'));
  opened.add(() => rm(dataDir, { recursive: true, force: true }));
  const config = loadConfig({
    DATA_DIR: dataDir,
    RECONCILE_SETTLE_MS: '1000',
    // A slow test machine must not cause load shedding.
    MAX_EVENT_LOOP_DELAY_MS: '60000',
    PORT: '0',
    ADMIN_PORT: '0',
    CALLER_AUTH: 'none',
    // The Host header of requests that tests write by hand.
    ALLOWED_HOSTS: 'gw.test',
    LOG_LEVEL: 'debug',
    DLI_REGION: DEFAULT_PROJECT_NAME,
    DLI_ENDPOINT: emulatorUrl,
    HUAWEICLOUD_SDK_IAM_ENDPOINT: emulatorUrl,
    HUAWEICLOUD_SDK_AK: DEFAULT_ACCESS_KEY,
    HUAWEICLOUD_SDK_SK: DEFAULT_SECRET_KEY,
    HUAWEICLOUD_SDK_PROJECT_ID: DEFAULT_PROJECT_ID,
    ...options.env,
  });
  const gateway = await createGateway(config, pino({ level: config.logLevel, base: null }, destination), {
    clock: options.clock,
    droppedLogLines: options.droppedLogLines,
    limits: {
      // A slow machine must not look like an outage of Redis.
      redisTimeoutMs: 2_000,
      // No test should wait half a second to reconcile, nor 50 ms for each of the three reads of the list.
      minReconciliationMs: 50,
      lookupBatchMs: 10,
      ...options.limits,
    },
  });
  opened.add(() => gateway.close());
  const addresses = await gateway.listen();
  if (addresses === undefined) throw new Error('The gateway was closed before it listened.');
  const { graphqlUrl, adminUrl } = addresses;
  const send = (body: unknown, headers: Record<string, string> = {}) => sendGraphql(graphqlUrl, body, headers);
  return {
    graphqlUrl,
    adminUrl,
    emulator,
    log: () => log,
    async logged(text, times = 1) {
      while (lines.filter(line => line.includes(text)).length < times) await once(logging, 'line');
    },
    send,
    async create(changes = {}) {
      const variables = { input: { ...VALID_INPUT, ...changes } };
      const { body } = await send({ query: CREATE_MUTATION, variables });
      const payload = body.data?.['createDatasourceConnection'];
      if (payload === undefined || payload === null) throw new Error(`No payload: ${JSON.stringify(body)}`);
      return payload as Payload;
    },
    close: () => gateway.close(),
  };
}

/** Sends a GraphQL request over HTTP and parses the response. */
export async function sendGraphql(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<GraphqlAnswer> {
  const content = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await post(url, content, { 'content-type': 'application/json', ...headers });
  return { status: response.status, headers: response.headers, body: JSON.parse(response.text) };
}

/** Stops every gateway and emulator of the test, newest first; for `afterEach`. */
export const closeGateways = opened.run;
