import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { CREATE_INPUT } from '../../bench/create-request.js';
import type { Attack, Target } from './attack.js';
import { randomBelow } from './attack.js';
import { hostileAddress } from './connection-attacks.js';

const CONNECTIONS = 150;
const KEYS = Array.from({ length: 50 }, () => randomUUID());
const CREATE = `mutation Create($input: CreateDatasourceConnectionInput!) {
  createDatasourceConnection(input: $input) { __typename ... on UserError { code } } }`;
const LIST = `{ ${repeat(15, index => `a${index}: datasourceConnections(first: 100) { items { id name state } }`)} }`;
/** Fragments that contain each other, to make the comparison of their fields as expensive as possible. */
const CYCLES = `{ ...F0 } ${repeat(45, index => `fragment F${index} on Query { ${repeat(4, other => `...F${(index + other + 1) % 45}`)} __typename }`)}`;
const OVERLAPS = `{ ${repeat(380, index => `datasourceServices { a: label b${index % 4}: label }`)} }`;

let pool: Pool | undefined;

/** Expensive, wrong and abandoned GraphQL requests with a valid token, and requests without one. */
export const GRAPHQL_ATTACKS: readonly Attack[] = [
  { name: 'lists of everything', workers: 40, attack: target => send(target, { query: LIST }) },
  {
    name: 'variables that are wrong in 20,000 places',
    workers: 4,
    attack: target =>
      send(target, { query: CREATE, variables: { input: { tags: Array.from({ length: 20_000 }, () => ({})) } } }),
  },
  { name: 'cycles of fragments', workers: 4, attack: target => send(target, { query: CYCLES }) },
  { name: 'overlapping fields', workers: 4, attack: target => send(target, { query: OVERLAPS }) },
  {
    name: 'deep values',
    workers: 2,
    attack: target => send(target, `{"query":"{ __typename }","variables":${'['.repeat(30_000)}${']'.repeat(30_000)}}`),
  },
  {
    name: 'odd filters and cursors',
    workers: 4,
    attack: target =>
      send(target, {
        query:
          'query ($after: String, $name: String) { datasourceConnections(after: $after, filter: { name: $name }) { totalCount } }',
        variables: { after: 'A'.repeat(randomBelow(50_000)), name: '%\u0000\ud800'.repeat(randomBelow(40)) },
      }),
  },
  {
    name: 'creates whose callers go away',
    workers: 8,
    attack: target => send(target, createRequest(), {}, AbortSignal.timeout(1 + randomBelow(40))),
  },
  {
    name: 'waits whose callers go away',
    workers: 30,
    attack: target => {
      const query = `{ datasourceConnection(id: "${target.connectionId}", waitSeconds: 25) { state } }`;
      return send(target, { query }, {}, AbortSignal.timeout(1 + randomBelow(2_000)));
    },
  },
  {
    name: 'event streams whose callers go away',
    workers: 20,
    attack: target => {
      const query = `subscription { datasourceConnection(id: "${target.connectionId}") { state } }`;
      return send(target, { query }, { accept: 'text/event-stream' }, AbortSignal.timeout(1 + randomBelow(2_000)));
    },
  },
  {
    name: 'no token',
    workers: 4,
    attack: target => send(target, { query: '{ __typename }' }, { authorization: '' }),
  },
  {
    name: 'forged tokens',
    workers: 4,
    attack: target => {
      const [head, claims, signature = ''] = target.token.split('.');
      const forged = [head, claims, Buffer.from(randomUUID()).toString('base64url') + signature.slice(48)].join('.');
      return send(target, { query: '{ __typename }' }, { authorization: `Bearer ${forged}` });
    },
  },
  {
    name: 'tokens of unknown keys',
    workers: 4,
    attack: target => {
      const head = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid: randomUUID() })).toString(
        'base64url',
      );
      const token = [head, ...target.token.split('.').slice(1)].join('.');
      return send(target, { query: '{ __typename }' }, { authorization: `Bearer ${token}` });
    },
  },
];

/** A create with one of a few keys, so that the emulator's list does not grow, but occasionally with a new one. */
function createRequest(): object {
  const key = randomBelow(200) === 0 ? randomUUID() : KEYS[randomBelow(KEYS.length)];
  const input = { ...CREATE_INPUT, name: `hostile_${String(key).slice(0, 8)}`, idempotencyKey: key };
  return { query: CREATE, variables: { input } };
}

/** Sends a request and reads its response; resolves with the status. */
async function send(
  { url, token }: Target,
  content: object | string,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<string> {
  pool ??= new Pool(new URL(url).origin, {
    connections: CONNECTIONS,
    connect: { localAddress: hostileAddress() },
  });
  const { statusCode, body } = await pool.request({
    path: '/graphql',
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    body: typeof content === 'string' ? content : JSON.stringify(content),
    ...(signal !== undefined && { signal }),
  });
  await body.text();
  return String(statusCode);
}

function repeat(count: number, part: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => part(index)).join(' ');
}
