import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Emulator, EmulatorOptions } from '../../src/emulator/emulator.js';
import {
  createEmulator,
  DEFAULT_DOMAIN_NAME,
  DEFAULT_PASSWORD,
  DEFAULT_PROJECT_ID,
  DEFAULT_PROJECT_NAME,
  DEFAULT_USER_NAME,
} from '../../src/emulator/emulator.js';

/** Path of the connections of the default project. */
export const CONNECTIONS_PATH = `/v2.0/${DEFAULT_PROJECT_ID}/datasource-connection`;

/** The smallest valid create body. */
export const CREATE_BODY = {
  name: 'orders',
  service: 'rds',
  security_group_id: 'a07ab107-a4ad-4835-ad09-08a2f2efccdb',
  network_id: 'e83ba67d-e812-42d3-908d-6ea0b2cc5ecb',
  url: '192.168.12.148:3306',
};

/** Path of the enhanced connections of the default project. */
export const ENHANCED_PATH = `/v2.0/${DEFAULT_PROJECT_ID}/datasource/enhanced-connections`;

/** The smallest valid body to create an enhanced connection. */
export const ENHANCED_BODY = {
  name: 'orders',
  dest_vpc_id: '22094d8f-c310-4621-913d-4c4d655d8495',
  dest_network_id: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
};

/** A response with its body as text and, if it is JSON, as a value. */
interface TestAnswer {
  status: number;
  headers: Headers;
  text: string;
  json: unknown;
}

/** A listening emulator with functions that call it. */
export interface RunningEmulator {
  emulator: Emulator;
  baseUrl: string;
  /** Sends a request unchanged; objects are sent as JSON. */
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
  /** Sends a request with a token for the default project. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
  /** Creates a connection and returns its id. */
  create(fields?: Record<string, unknown>): Promise<string>;
  /** Creates an enhanced connection and returns its path. */
  createEnhanced(fields?: Record<string, unknown>): Promise<string>;
}

const running: Emulator[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map(emulator => emulator.close()));
});

/** Starts an emulator that is stopped after the test. By default, connections and bindings are active immediately. */
export async function startEmulator(options: Partial<EmulatorOptions> = {}): Promise<RunningEmulator> {
  const emulator = createEmulator({ creationMs: 0, peeringMs: 0, ...options });
  running.push(emulator);
  return callsTo(emulator, await emulator.listen());
}

/** Starts one emulator for all tests that neither change its settings nor close it; it is reset before each test. */
export function shareEmulator(options: Partial<EmulatorOptions> = {}): () => RunningEmulator {
  const emulator = createEmulator({ creationMs: 0, peeringMs: 0, ...options });
  let baseUrl = '';
  let shared: RunningEmulator | undefined;
  beforeAll(async () => {
    baseUrl = await emulator.listen();
  });
  beforeEach(() => {
    emulator.reset();
    shared = callsTo(emulator, baseUrl);
  });
  afterAll(() => emulator.close());
  return () => {
    if (shared === undefined) throw new Error('The emulator is started before the first test.');
    return shared;
  };
}

function callsTo(emulator: Emulator, baseUrl: string): RunningEmulator {
  let token: string | undefined;

  async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      redirect: 'manual',
      ...(text === undefined ? {} : { body: text }),
    });
    return readAnswer(response);
  }

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    token ??= (await send('POST', '/v3/auth/tokens', tokenBody())).headers.get('x-subject-token') ?? '';
    return send(method, path, body, { 'x-auth-token': token, ...headers });
  }

  async function create(fields: Record<string, unknown> = {}): Promise<string> {
    const { json } = await call('POST', CONNECTIONS_PATH, { ...CREATE_BODY, ...fields });
    return (json as { connection_id: string }).connection_id;
  }

  async function createEnhanced(fields: Record<string, unknown> = {}): Promise<string> {
    const { json } = await call('POST', ENHANCED_PATH, { ...ENHANCED_BODY, ...fields });
    return `${ENHANCED_PATH}/${(json as { connection_id: string }).connection_id}`;
  }

  return { emulator, baseUrl, send, call, create, createEnhanced };
}

/** A token request by password for the default user, by default scoped to the default project. */
export function tokenBody(scope: object | undefined = { project: { name: DEFAULT_PROJECT_NAME } }): object {
  const user = { name: DEFAULT_USER_NAME, password: DEFAULT_PASSWORD, domain: { name: DEFAULT_DOMAIN_NAME } };
  return { auth: { identity: { methods: ['password'], password: { user } }, ...(scope && { scope }) } };
}

async function readAnswer(response: Response): Promise<TestAnswer> {
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json };
}
