import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ClientOptions, CreatePayload, Retry } from '../../client/src/index.js';
import { createClient, DatasourceConnectionsDocument, GatewayError, UndecidedError } from '../../client/src/index.js';
import { startRelay } from '../e2e/helpers/relay.js';
import { closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { EXECUTED_BUT_LOST, KEY, NOT_LISTED_YET, startIdempotencyGateway } from '../helpers/idempotency-gateway.js';
import { listen } from '../helpers/listening-server.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { startEarly } from '../helpers/start-early.js';
import { startTokenGateway } from '../helpers/token-gateway.js';

afterEach(closeGateways);

const INPUT = { ...VALID_INPUT, service: 'RDS' } as const;
const UNUSED_PORT = 'http://127.0.0.1:1/graphql';

/** A client that records the bodies of its requests. */
function createObservedClient(options: ClientOptions) {
  const inputs: { idempotencyKey?: string }[] = [];
  const client = createClient({
    ...options,
    fetch(url, init) {
      inputs.push(JSON.parse(String(init?.body)).variables.input);
      return fetch(url, init);
    },
  });
  return { client, inputs };
}

/** Creates a connection through a proxy that first answers with a Retry-After. */
function createBehindProxy(retryAfter: (backAt: Date) => string) {
  const backAt = new Date(0);
  return startEarly(async () => {
    const { graphqlUrl } = await startGateway();
    let calls = 0;
    const proxy = createServer((request, response) => {
      calls += 1;
      request.resume();
      if (calls === 1) {
        backAt.setTime(Date.now() + 3_000);
        // A date in the header has no milliseconds.
        backAt.setMilliseconds(0);
        response.writeHead(503, { 'retry-after': retryAfter(backAt) }).end('<h1>Unavailable</h1>');
      } else response.writeHead(307, { location: graphqlUrl }).end();
    });
    const { host } = await listen(proxy);
    return async () => {
      const repeatsAtMs: number[] = [];
      const payload = await createClient({ url: `http://${host}/graphql` }).createDatasourceConnection(INPUT, {
        onRetry: ({ delayMs }) => repeatsAtMs.push(Date.now() + delayMs),
      });
      return { payload, repeatsAtMs, backAtMs: backAt.getTime() };
    };
  });
}

const shared = shareGateway();
const dliClock = createManualClock();
const deleted = startEarly(async () => {
  const { graphqlUrl, emulator } = await startGateway({ emulator: { creationMs: 60_000, now: dliClock.epochMs } });
  return async () => {
    const { connectionId } = emulator.seedConnection();
    const answers: unknown[] = [];
    const payload = await createClient({ url: graphqlUrl }).deleteDatasourceConnection(connectionId, {
      onRetry({ answer }) {
        answers.push(answer);
        dliClock.advance(60_000);
      },
    });
    return { connectionId, answers, payload };
  };
});

describe('a create by the client package', () => {
  const undecided = startEarly(async () => {
    const { graphqlUrl, emulator, posts, applied } = await startIdempotencyGateway();
    const relay = await startRelay();
    return async () => {
      emulator.inject(EXECUTED_BUT_LOST);
      emulator.inject(NOT_LISTED_YET);
      const { client, inputs } = createObservedClient({ url: relay.url });
      const retries: Retry[] = [];
      const payload = await client.createDatasourceConnection(INPUT, {
        onRetry(retry) {
          retries.push(retry);
          relay.forwardTo(graphqlUrl);
          if (retries.length === 2) emulator.clearFaults();
        },
      });
      return { payload, retries, inputs, posts: posts(), applied: applied() };
    };
  });

  it('repeats one key until the create is decided', async () => {
    const { payload, retries, inputs, posts, applied } = await undecided();
    expect(payload).toMatchObject({
      __typename: 'CreateDatasourceConnectionSuccess',
      connectionId: applied[0],
      reconciled: true,
    });
    expect(retries.slice(0, 2)).toMatchObject([
      { attempt: 1, error: expect.any(TypeError) },
      { attempt: 2, answer: { __typename: 'OutcomeUnknownError' } },
    ]);
    expect(new Set(inputs.map(({ idempotencyKey }) => idempotencyKey))).toEqual(
      new Set([expect.stringMatching(/^[0-9a-f-]{36}$/)]),
    );
    expect(posts).toBe(1);
  });

  it('returns a final answer at once', async () => {
    const { graphqlUrl, emulator } = shared();
    emulator.seedConnection({ name: INPUT.name });
    const { client, inputs } = createObservedClient({ url: graphqlUrl });
    const payload = await client.createDatasourceConnection({ ...INPUT, idempotencyKey: KEY });
    expect(payload).toMatchObject({ __typename: 'NameTakenError', code: 'NAME_CONFLICT', name: INPUT.name });
    expect(inputs).toEqual([{ ...INPUT, idempotencyKey: KEY }]);
  });

  it.each([
    ['a wrong value', { service: 'ORACLE' }, '', 'BAD_USER_INPUT', 'must be one of'],
    ['a wrong path', {}, '/nothing', 'NOT_FOUND', 'There is nothing here.'],
  ])('throws at once for %s', async (_what, changes, path, code, message) => {
    const { client, inputs } = createObservedClient({ url: shared().graphqlUrl + path });
    const creating = client.createDatasourceConnection({ ...INPUT, ...changes } as typeof INPUT);
    await expect(creating).rejects.toMatchObject({
      name: 'GatewayError',
      code,
      message: expect.stringContaining(message),
    });
    expect(inputs).toHaveLength(1);
  });

  it('throws at once without the right to create', async () => {
    const { graphqlUrl, sign } = await startTokenGateway();
    const token = await sign({ claims: { scope: 'dli:connection:read' } });
    const { client, inputs } = createObservedClient({ url: graphqlUrl, token: () => token });
    await expect(client.createDatasourceConnection(INPUT)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(inputs).toHaveLength(1);
  });

  it('renews a refused token once', async () => {
    const { graphqlUrl, sign } = await startTokenGateway();
    const good = await sign();
    const refused: (string | undefined)[] = [];
    const renewing = createObservedClient({
      url: graphqlUrl,
      token(token) {
        refused.push(token);
        return token === undefined ? 'expired' : good;
      },
    });
    const payload = await renewing.client.createDatasourceConnection(INPUT);
    expect(payload.__typename).toBe('CreateDatasourceConnectionSuccess');
    expect(refused).toEqual([undefined, 'expired']);

    const { client, inputs } = createObservedClient({ url: graphqlUrl, token: async () => 'bad' });
    await expect(client.createDatasourceConnection(INPUT)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      status: 401,
    });
    expect(inputs).toHaveLength(2);
  });

  const tooMany = startEarly(async () => {
    const env = { RATE_LIMIT_CREATES_BURST: '2', RATE_LIMIT_CREATES_PER_SECOND: '1' };
    const { graphqlUrl } = await startGateway({ env });
    return async () => {
      const { client } = createObservedClient({ url: graphqlUrl });
      const retries: Retry[] = [];
      const create = (name: string) =>
        client.createDatasourceConnection({ ...INPUT, name }, { onRetry: retry => retries.push(retry) });
      const payloads: CreatePayload[] = [];
      // Three are too many if they arrive within two seconds.
      for (let round = 1; retries.length === 0; round += 1)
        payloads.push(...(await Promise.all(['a', 'b', 'c'].map(name => create(`${name}_${round}`)))));
      return { payloads, retries };
    };
  });

  it('waits as long as the gateway asks when it sends too many', async () => {
    const { payloads, retries } = await tooMany();
    for (const { __typename } of payloads) expect(__typename).toBe('CreateDatasourceConnectionSuccess');
    for (const { error, delayMs } of retries) {
      expect(error).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
      const { retryAfterSeconds = Number.NaN } = error as GatewayError;
      expect(retryAfterSeconds).toBeGreaterThanOrEqual(1);
      expect(delayMs).toBeGreaterThanOrEqual(retryAfterSeconds * 1_000);
    }
  });

  it.each([
    ['seconds', createBehindProxy(() => '3')],
    ['a date', createBehindProxy(time => time.toUTCString())],
  ])('obeys the Retry-After of a proxy: %s', async (_form, delayed) => {
    const { payload, repeatsAtMs, backAtMs } = await delayed();
    expect(payload.__typename).toBe('CreateDatasourceConnectionSuccess');
    expect(repeatsAtMs).toEqual([expect.any(Number)]);
    expect(repeatsAtMs[0]).toBeGreaterThanOrEqual(backAtMs);
  });

  const late = startEarly(async () => {
    const { graphqlUrl, emulator, posts } = await startIdempotencyGateway();
    return async () => {
      emulator.inject({ operation: 'createConnection', delayMs: 6_000 });
      const { client } = createObservedClient({ url: graphqlUrl });
      const retries: Retry[] = [];
      const payload = await client.createDatasourceConnection(INPUT, {
        // Long enough for the second attempt.
        attemptTimeoutMs: 5_000,
        onRetry: retry => retries.push(retry),
      });
      return { payload, retries, posts: posts() };
    };
  });

  it('repeats an attempt that takes too long', async () => {
    const { payload, retries, posts } = await late();
    expect(payload.__typename).toBe('CreateDatasourceConnectionSuccess');
    expect(retries[0]).toMatchObject({ error: { name: 'TimeoutError' } });
    expect(posts).toBe(1);
  });

  it('throws the key to continue with when its time is up without an answer', async () => {
    const client = createClient({ url: UNUSED_PORT });
    const creating = client.createDatasourceConnection({ ...INPUT, idempotencyKey: KEY }, { timeoutMs: 100 });
    await expect(creating).rejects.toMatchObject({
      name: 'UndecidedError',
      idempotencyKey: KEY,
      cause: expect.any(TypeError),
    });
    await expect(creating).rejects.toBeInstanceOf(UndecidedError);
  });

  it('returns the last answer when its time is up', async () => {
    const { graphqlUrl, emulator } = shared();
    emulator.inject({ operation: 'createConnection', error: 'APIGW.0308', headers: { 'Retry-After': '600' } });
    const payload = await createClient({ url: graphqlUrl }).createDatasourceConnection(INPUT, { timeoutMs: 120_000 });
    expect(payload).toMatchObject({ __typename: 'DliUnavailableError', retryAfterSeconds: 300 });
  });

  it('ends when its signal is aborted, during a wait and during an attempt', async () => {
    // The gateway stops only after the operation.
    const { graphqlUrl, emulator } = await startGateway({ env: { OPERATION_TIMEOUT_MS: '1000' } });
    emulator.inject({ operation: 'createConnection', behaviour: 'hang' });
    const reason = new Error('The user left.');
    const waiting = new AbortController();
    const unreachable = createClient({ url: UNUSED_PORT }).createDatasourceConnection(INPUT, {
      signal: waiting.signal,
      onRetry: () => waiting.abort(reason),
    });
    await expect(unreachable).rejects.toBe(reason);

    const sending = new AbortController();
    const hanging = createClient({ url: graphqlUrl }).createDatasourceConnection(INPUT, { signal: sending.signal });
    await emulator.ledger.waitFor('createConnection', 1);
    sending.abort(reason);
    await expect(hanging).rejects.toBe(reason);
  });
});

describe('a delete by the client package', () => {
  it('waits until the connection is created', async () => {
    const { connectionId, answers, payload } = await deleted();
    expect(payload).toMatchObject({ __typename: 'DeleteDatasourceConnectionSuccess', connectionId });
    expect(answers).toMatchObject([{ __typename: 'ConnectionCreatingError' }]);
  });

  it('reports a connection that does not exist', async () => {
    const { graphqlUrl } = shared();
    const id = '00000000-0000-4000-8000-000000000000';
    const payload = await createClient({ url: graphqlUrl }).deleteDatasourceConnection(id);
    expect(payload).toMatchObject({ __typename: 'ConnectionNotFoundError', connectionId: id });
  });
});

describe('a request by the client package', () => {
  it('throws what the gateway says when DLI is unavailable', async () => {
    const { graphqlUrl, emulator } = shared();
    emulator.inject({ operation: 'listConnections', status: 500, times: 0 });
    emulator.inject({ operation: 'listEnhancedConnections', status: 500, times: 0 });
    const asking = createClient({ url: graphqlUrl }).request(DatasourceConnectionsDocument, {});
    await expect(asking).rejects.toBeInstanceOf(GatewayError);
    await expect(asking).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', retryAfterSeconds: expect.any(Number) });
  });
});
