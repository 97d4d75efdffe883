import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CLIENT_TIMEOUTS } from '../../src/http/client-timeouts.js';
import type { GraphqlAnswer, TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway } from '../helpers/gateway.js';
import { PATIENT_TIMEOUTS } from '../helpers/patient-timeouts.js';
import { post } from '../helpers/post.js';
import { proofSize } from '../helpers/proof-size.js';
import { exchange, failuresIn, openConnection, rawRequest, readToEnd } from '../helpers/raw-connection.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
/** As many hosts as DLI allows, with longer names than anybody has. */
const MOST_HOSTS = Array.from({ length: 20_000 }, (_, index) => ({
  name: `h${index}.example.com`.padEnd(128, 'x'),
  ip: '192.168.100.200',
}));
/** Too many for the usual limits of bytes and values. */
const HOSTS = MOST_HOSTS.slice(0, 1_000);
// Creates nothing, because the other required fields of the input are missing.
const CREATE = `mutation Create($input: CreateEnhancedDatasourceConnectionInput!) {
  createEnhancedDatasourceConnection(input: $input) { __typename }
}`;
const TOO_LARGE = '413 PAYLOAD_TOO_LARGE The body is larger than 64 KiB.';
const TOO_MANY_VALUES = '400 BAD_REQUEST The JSON may hold at most 500 values.';
const WRONG_ITEM = '400 BAD_REQUEST Each item of a long list of hosts must be an object of two texts, "name" and "ip".';
/** The request is within the limits, and graphql-js reports the missing fields of the input. */
const EXECUTED = expect.stringMatching(/^\d+ (GRAPHQL_VALIDATION_FAILED|BAD_USER_INPUT) /);

function requestOf(changes: object = {}, hosts: unknown = HOSTS): Record<string, unknown> {
  return { query: CREATE, variables: { input: { hosts } }, ...changes };
}

/** Extends the text of a request to a length in bytes, with spaces in its first array. */
function padded(request: object, bytes: number): string {
  const text = JSON.stringify(request);
  return text.replace('[', `[${' '.repeat(bytes - Buffer.byteLength(text))}`);
}

function outcomeOf({ status, body }: Pick<GraphqlAnswer, 'status' | 'body'>): string {
  const [error] = body.errors ?? [];
  return `${status} ${error?.extensions.code} ${error?.message}`;
}

describe('a request with many hosts', () => {
  let gateway: TestGateway;
  const send = async (body: unknown, headers: Record<string, string> = {}) =>
    outcomeOf(await gateway.send(body, headers));

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(closeGateways);

  it.each<[what: string, body: unknown, outcome: unknown]>([
    ['of 20,000 with the longest names', requestOf({}, MOST_HOSTS), EXECUTED],
    ['of 4 MiB', padded(requestOf(), 4 * MEBIBYTE), EXECUTED],
    ['of 4 MiB and 1 byte', padded(requestOf(), 4 * MEBIBYTE + 1), TOO_LARGE],
    ['of 64 KiB', padded(requestOf({}, HOSTS.slice(0, 400)), 64 * KIBIBYTE), EXECUTED],
    ['of 64 KiB and 1 byte', padded(requestOf({}, HOSTS.slice(0, 400)), 64 * KIBIBYTE + 1), EXECUTED],
    [
      'with another variable name',
      requestOf({ query: CREATE.replaceAll('$input', '$c'), variables: { c: { hosts: HOSTS } } }),
      EXECUTED,
    ],
    ['with an alias', requestOf({ query: CREATE.replace('createE', 'a: createE') }), EXECUTED],
    ['with another 64,000 bytes', requestOf({ extensions: { a: 'x'.repeat(64_000) } }), EXECUTED],
    ['with more than another 64 KiB', requestOf({ extensions: { a: 'x'.repeat(65_536) } }), TOO_LARGE],
    ['with another 500 values', requestOf({ extensions: { a: Array(494).fill(1) } }), EXECUTED],
    ['with another 501 values', requestOf({ extensions: { a: Array(495).fill(1) } }), TOO_MANY_VALUES],
    ['after a short list elsewhere', { extensions: { hosts: [1] }, ...requestOf() }, EXECUTED],
    ['before a short list elsewhere', requestOf({ extensions: { hosts: [1] } }), EXECUTED],
    ['with an ip that is null', requestOf({}, [...HOSTS, { name: 'a', ip: null }]), WRONG_ITEM],
    ['with a third field', requestOf({}, [...HOSTS, { name: 'a', ip: '1', port: '2' }]), WRONG_ITEM],
    ['with a list in the list', requestOf({}, [...HOSTS, []]), WRONG_ITEM],
    [
      'with invalid JSON',
      JSON.stringify(requestOf()).replace('[', '[,'),
      '400 BAD_REQUEST The request is not valid HTTP or JSON.',
    ],
    ['without an end', JSON.stringify(requestOf()).slice(0, 100_000), TOO_LARGE],
    [
      'with too many values',
      requestOf({}, Array(50_001).fill({ a: 1 })),
      '400 BAD_REQUEST A list of hosts may hold at most 100,000 values.',
    ],
  ])('is executed or refused: %s', async (_what, body, outcome) => {
    expect(await send(body)).toEqual(outcome);
  });

  it.each<[what: string, changes: Record<string, unknown>]>([
    ['the input of another mutation', { query: CREATE_MUTATION }],
    ['two mutations', { query: CREATE.replace('{ __typename }', '{ __typename } b: __typename') }],
    ['a fragment', { query: CREATE.replace(/create.*/, '...A') }],
    ['a query', { query: 'query($input: Int) { datasourceServices(input: $input) { service } }' }],
    ['two operations', { query: `${CREATE} query Other { datasourceServices { service } }`, operationName: 'Create' }],
    ['a document that cannot be parsed', { query: `${CREATE} {` }],
    ['an input that is not the variable', { query: CREATE.replace('input: $input', 'input: { hosts: $input }') }],
    ['hosts of an unused variable', { variables: { other: { hosts: HOSTS } } }],
    ['hosts in a nested object', { variables: { input: { a: { hosts: HOSTS } } } }],
    ['hosts as a variable', { variables: { hosts: HOSTS } }],
    ['hosts outside the variables', { variables: {}, hosts: HOSTS }],
    ['another list', { variables: { input: { tags: HOSTS } } }],
  ])('has the usual limits unless it only creates an enhanced connection: %s', async (_what, changes) => {
    const { hosts, ...others } = changes;
    const few = JSON.parse(
      JSON.stringify({ hosts, ...requestOf(others) }).replaceAll(
        JSON.stringify(HOSTS),
        JSON.stringify(HOSTS.slice(0, 200)),
      ),
    );
    expect(await send({ hosts, ...requestOf(others) })).toBe(TOO_LARGE);
    expect(await send(few)).toEqual(TOO_MANY_VALUES);
  });

  it('has the usual limits with hosts in its document', async () => {
    const literals = HOSTS.slice(0, 100).map(({ name, ip }) => `{ name: "${name}", ip: "${ip}" }`);
    const query = `mutation { createEnhancedDatasourceConnection(input: { hosts: [${literals.join(' ')}] }) { __typename } }`;
    expect(await send({ query })).toMatch(/OPERATION_TOO_COMPLEX/);
  });

  it.each<[how: string, path: string, headers: Record<string, string>]>([
    ['as a form', '', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['as another kind of JSON', '', { 'content-type': 'application/graphql+json' }],
    ['for an event stream', '', { accept: 'text/event-stream' }],
    ['to the path of event streams', '/stream', {}],
  ])('has the usual limits %s', async (_how, path, headers) => {
    const sent = { 'content-type': 'application/json', ...headers };
    expect((await post(`${gateway.graphqlUrl}${path}`, JSON.stringify(requestOf()), sent)).status).toBe(413);
  });

  it('has the usual limits without a content length', async () => {
    const body = JSON.stringify(requestOf());
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const head =
      'POST /graphql HTTP/1.1\r\nhost: gw.test\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n';
    expect(failuresIn(await exchange(gateway.graphqlUrl, `${head}${chunked}`))).toMatchObject([{ status: 413 }]);
  });

  it('leaves its connection open when it is executed', async () => {
    const headers = { host: 'gw.test', 'content-type': 'application/json' };
    const requests = [
      rawRequest('POST', '/graphql', JSON.stringify(requestOf()), headers),
      rawRequest('POST', '/graphql', '{"query":"{ __typename }"}', { ...headers, connection: 'close' }),
    ];
    const responses = await exchange(gateway.graphqlUrl, requests.join(''));
    expect(responses.match(/^HTTP\/1\.1 \d+/gm)).toEqual([expect.stringMatching(/ (400|200)$/), 'HTTP/1.1 200']);
  });
});

/** The head of a request whose body has this length. */
function headOf(length: number, headers: Record<string, string> = {}): string {
  const declared = { host: 'gw.test', 'content-type': 'application/json', 'content-length': String(length) };
  return rawRequest('POST', '/graphql', '', { ...declared, ...headers });
}

describe('a large body', () => {
  afterEach(closeGateways);

  const ONE_AT_A_TIME =
    '429 RATE_LIMITED Your tenant has another request of more than 64 KiB open. Send one at a time.';
  const OVERLOADED =
    '503 OVERLOADED The gateway has too much to do at the moment. Nothing was done; send it again later.';
  const body = JSON.stringify(requestOf());
  const endless = { clientTimeouts: { ...CLIENT_TIMEOUTS, requestMs: 3_600_000 } };

  const sendAs = async (gateway: TestGateway, token?: string) => outcomeOf(await gateway.send(body, bearer(token)));

  /** Opens a request that the gateway admits but of which only the head arrives. */
  async function holdOpen(gateway: TestGateway, token?: string): Promise<Socket> {
    for (;;) {
      const socket = await openConnection(gateway.graphqlUrl);
      socket.on('error', () => {}).resume();
      socket.write(headOf(3 * MEBIBYTE, bearer(token)));
      // If a body from `sendAs` is open at that moment, the request is refused.
      while (socket.bytesRead === 0) if ((await sendAs(gateway, token)) === ONE_AT_A_TIME) return socket;
    }
  }

  it.each([
    ['a token', undefined, 401],
    ['the role to create', { scope: 'dli:connection:read dli:connection:delete' }, 413],
  ])('is refused before it arrives without %s', async (_what, claims, status) => {
    const gateway = await startTokenGateway();
    const token = claims === undefined ? undefined : await gateway.sign({ claims });
    const response = exchange(gateway.graphqlUrl, headOf(3 * MEBIBYTE, bearer(token)));
    expect(failuresIn(await response)).toMatchObject([{ status }]);
  });

  it('is refused before it arrives while another one of the same tenant is open', async () => {
    const gateway = await startTokenGateway({}, { limits: endless });
    const [token, other] = [await gateway.sign(), await gateway.sign({ claims: { sub: 'other' } })];
    const held = await holdOpen(gateway, token);
    const refused = await exchange(gateway.graphqlUrl, headOf(3 * MEBIBYTE, bearer(token)));
    expect(refused).toMatch(/^HTTP\/1\.1 429 .*\r\nretry-after: 5\r\n/s);
    expect((await gateway.ask(token)).status).toBe(200);
    expect(await sendAs(gateway, other)).toEqual(EXECUTED);
    held.destroy();
    let outcome = ONE_AT_A_TIME;
    while (outcome === ONE_AT_A_TIME) outcome = await sendAs(gateway, token);
    expect(outcome).toEqual(EXECUTED);
    expect(gateway.log()).not.toContain('internal error');
  });

  it('is refused while 4 others are open', async () => {
    const gateway = await startTokenGateway({}, { limits: endless });
    const tokens = await Promise.all([1, 2, 3, 4, 5].map(sub => gateway.sign({ claims: { sub: `tenant ${sub}` } })));
    const held: Socket[] = [];
    for (const token of tokens.slice(0, 4)) held.push(await holdOpen(gateway, token));
    expect(await sendAs(gateway, tokens[4])).toBe(OVERLOADED);
    expect((await gateway.ask(tokens[4])).status).toBe(200);
    held[0]?.destroy();
    let outcome = OVERLOADED;
    while (outcome === OVERLOADED) outcome = await sendAs(gateway, tokens[4]);
    expect(outcome).toEqual(EXECUTED);
    for (const socket of held) socket.destroy();
  });

  it('is cut off when it takes too long to arrive', async () => {
    const times = { headersMs: 500, requestMs: 500, checkIntervalMs: 100 };
    const gateway = await startGateway({ limits: { clientTimeouts: { ...CLIENT_TIMEOUTS, ...times } } });
    const socket = await openConnection(gateway.graphqlUrl);
    const response = readToEnd(socket);
    socket.write(headOf(3 * MEBIBYTE));
    const sending = setInterval(() => socket.write(' '), 50);
    expect(failuresIn(await response)).toMatchObject([{ status: 408 }]);
    clearInterval(sending);
    expect(gateway.log()).not.toContain('internal error');
  });

  it('needs little memory, no matter how many are sent', async () => {
    const gateway = await startTokenGateway({}, { limits: { clientTimeouts: PATIENT_TIMEOUTS } });
    const largest = Buffer.from(padded(requestOf({}, MOST_HOSTS), 4 * MEBIBYTE));
    const subjects = Array.from({ length: proofSize(100, 200) }, (_, index) => `tenant ${index}`);
    const tokens = await Promise.all(subjects.map(sub => gateway.sign({ claims: { sub } })));
    const before = process.memoryUsage.rss();
    const responses = tokens.map(async token => {
      const socket = await openConnection(gateway.graphqlUrl);
      const response = readToEnd(socket);
      socket.write(headOf(largest.length, { ...bearer(token), connection: 'close' }));
      socket.write(largest);
      return (await response).slice(9, 12);
    });
    const statuses = new Set(await Promise.all(responses));
    const rise = process.memoryUsage.rss() - before;
    expect(statuses).toContain('503');
    expect([...statuses].sort().join(' ')).toMatch(/^(200|400) 503$/);
    // The bodies alone are 400 or 800 MB.
    expect(rise).toBeLessThan(proofSize(250, 400) * MEBIBYTE);
  });
});
