import { afterEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../src/emulator/emulator.js';
import { CREATE_MUTATION, closeGateways, startGateway } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import type { Transport } from '../helpers/subscribers.js';
import { closeSubscribers, nextOf, openSubscriber, readAll, subscribe, WATCH } from '../helpers/subscribers.js';

const TRANSPORTS: [Transport][] = [['graphql-ws'], ['graphql-sse']];
const TRACE_ID = expect.stringMatching(/^[0-9a-f]{32}$/);

const shared = shareGateway();

afterEach(async () => {
  await closeSubscribers();
  await closeGateways();
});

/** The error of a refused request. */
function refusal(code: string, message: unknown = expect.any(String)) {
  return { message, extensions: { code, traceId: TRACE_ID } };
}

/** The error of an invalid id, with its problem as data. */
function badInput(message: string) {
  const problems = [{ path: ['id'], code: 'WRONG_TYPE', message }];
  return { message, extensions: { code: 'BAD_USER_INPUT', traceId: TRACE_ID, problems } };
}

/** Waits until a connection is no longer polled while others are. */
async function pollingEnds({ ledger }: Emulator, id: string): Promise<void> {
  const polls = () => ledger.entries('getConnection').filter(({ path }) => path.includes(id)).length;
  let before: number;
  do {
    before = polls();
    await ledger.waitFor('getConnection', ledger.count('getConnection') + 4);
  } while (polls() > before);
}

describe.each(TRANSPORTS)('a subscription by %s', transport => {
  it('sends the state and every change, and completes with a final state', async () => {
    const dliClock = createManualClock();
    const { graphqlUrl, emulator } = await startGateway({
      env: { FOLLOW_INTERVAL_MS: '100' },
      emulator: { creationMs: 500, now: dliClock.epochMs },
    });
    const { connectionId: id } = emulator.seedConnection({ name: 'orders' });
    const events = subscribe(transport, graphqlUrl, { query: WATCH, variables: { id } });
    const first = await nextOf(events);
    dliClock.advance(500);
    const received = await readAll(events);

    expect(first).toEqual({
      data: { datasourceConnection: { id, name: 'orders', state: 'CREATING' } },
    });
    expect(received.at(-1)).toEqual({
      data: { datasourceConnection: { id, name: 'orders', state: 'ACTIVE' } },
    });
  });

  it('sends null for a connection that does not exist', async () => {
    const { graphqlUrl } = shared();
    const received = await readAll(subscribe(transport, graphqlUrl, { query: WATCH, variables: { id: 'none' } }));
    expect(received).toEqual([{ data: { datasourceConnection: null } }]);
  });

  it.each([
    ['a mutation', CREATE_MUTATION, refusal('BAD_REQUEST', expect.stringContaining('by POST'))],
    ['a document that is not GraphQL', 'subscription { "zq7canary" }', refusal('GRAPHQL_PARSE_FAILED')],
    ['an unknown field', 'subscription { nothing }', refusal('GRAPHQL_VALIDATION_FAILED')],
    [
      'two operations without a name',
      'subscription A { datasourceConnection(id: "a") { id } } subscription B { datasourceConnection(id: "b") { id } }',
      refusal('OPERATION_RESOLUTION_FAILURE'),
    ],
    [
      'too many aliases',
      `subscription { datasourceConnection(id: "a") { ${Array.from({ length: 16 }, (_, i) => `a${i}: id`)} } }`,
      refusal('OPERATION_TOO_COMPLEX'),
    ],
    [
      'too many tokens',
      `subscription { datasourceConnection(id: "a") { ${'id '.repeat(1_000)}} }`,
      refusal('GRAPHQL_PARSE_FAILED'),
    ],
    [
      'a literal of the wrong type',
      'subscription { datasourceConnection(id: {zq7canary: 1}) { id } }',
      badInput('"id" must be of type ID!.'),
    ],
  ])('is refused for %s', async (_what, query, expected) => {
    const gateway = shared();
    const received = await readAll(subscribe(transport, gateway.graphqlUrl, { query }));
    expect(received).toMatchObject([{ errors: [expected] }]);
    expect(gateway.emulator.ledger.count()).toBe(0);
    expect(JSON.stringify(received)).not.toContain('zq7canary');
    expect(gateway.log()).not.toContain('zq7canary');
  });

  it('is not needed for a query, which event streams serve as well', async () => {
    const { graphqlUrl } = shared();
    const expected = {
      'graphql-sse': { data: { __typename: 'Query' } },
      'graphql-ws': { errors: [refusal('BAD_REQUEST', expect.stringContaining('by POST'))] },
    };
    expect(await readAll(subscribe(transport, graphqlUrl, { query: '{ __typename }' }))).toEqual([expected[transport]]);
  });

  it('is refused for an invalid variable, without its value', async () => {
    const { graphqlUrl } = shared();
    const request = { query: WATCH, variables: { id: { zq7canary: 1 } } };
    expect(await readAll(subscribe(transport, graphqlUrl, request))).toEqual([
      { errors: [badInput('"id" must be of type ID!.')] },
    ]);
  });

  it('masks internal errors', async () => {
    const clock = {
      epochMs: () => Date.now(),
      monotonicMs(): number {
        throw new RangeError('The clock broke: sk=zq7canary');
      },
    };
    const gateway = await startGateway({ clock });
    const request = { query: WATCH, variables: { id: 'none' } };
    const received = await readAll(subscribe(transport, gateway.graphqlUrl, request));

    expect(received).toEqual([{ errors: [refusal('INTERNAL', 'Internal error. It has been logged.')] }]);
    expect(gateway.log()).toContain(`"traceId":"${received[0]?.errors?.[0]?.extensions.traceId}"`);
    expect(gateway.log()).toContain('"errorName":"RangeError"');
    expect(gateway.log()).not.toContain('zq7canary');
  });

  it('stops polling when its client leaves', async () => {
    const { graphqlUrl, emulator } = await startGateway({ env: { FOLLOW_INTERVAL_MS: '100' } });
    const left = emulator.seedConnection({ state: 'CREATING' }).connectionId;
    const kept = emulator.seedConnection({ state: 'CREATING' }).connectionId;
    const events = subscribe(transport, graphqlUrl, { query: WATCH, variables: { id: left } });
    await nextOf(events);
    await events.return?.();
    const others = subscribe(transport, graphqlUrl, { query: WATCH, variables: { id: kept } });
    await nextOf(others);
    await pollingEnds(emulator, left);
  });
});

// At once, because the next poll after a failure is some time later.
it('an outage of DLI is reported without quoting it, and the subscription continues', async () => {
  const ended = await Promise.all(
    TRANSPORTS.map(async ([transport]) => {
      const gateway = await startGateway({ env: { FOLLOW_INTERVAL_MS: '100' } });
      const { connectionId: id } = gateway.emulator.seedConnection({ state: 'ACTIVE' });
      gateway.emulator.inject({ operation: 'any', status: 500, body: 'zq7canary', times: 4 });
      const received = await readAll(subscribe(transport, gateway.graphqlUrl, { query: WATCH, variables: { id } }));
      return { transport, first: received[0], last: received.at(-1), text: JSON.stringify(received) };
    }),
  );
  expect(ended).toMatchObject(
    TRANSPORTS.map(([transport]) => ({
      transport,
      first: { errors: [{ extensions: { code: 'UPSTREAM_UNAVAILABLE', traceId: TRACE_ID } }] },
      last: { data: { datasourceConnection: { state: 'ACTIVE' } } },
      text: expect.not.stringContaining('zq7canary'),
    })),
  );
});

it('a broken WebSocket ends its subscriptions', async () => {
  const { graphqlUrl, emulator } = await startGateway({ env: { FOLLOW_INTERVAL_MS: '100' } });
  const left = emulator.seedConnection({ state: 'CREATING' }).connectionId;
  const kept = emulator.seedConnection({ state: 'CREATING' }).connectionId;
  const { socket, sendMessage, nextMessage } = await openSubscriber(graphqlUrl);
  sendMessage({ type: 'subscribe', id: 'a', payload: { query: WATCH, variables: { id: left } } });
  await nextMessage();
  socket.terminate();
  await nextOf(subscribe('graphql-ws', graphqlUrl, { query: WATCH, variables: { id: kept } }));
  await pollingEnds(emulator, left);
});
