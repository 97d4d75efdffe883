import { afterEach, describe, expect, it } from '@jest/globals';
import type { DatasourceConnectionFieldsFragment } from '../../client/src/index.js';
import { createClient, DatasourceConnectionChangesDocument } from '../../client/src/index.js';
import { startRelay } from '../e2e/helpers/relay.js';
import { createTestClock } from '../helpers/clock.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { startTokenGateway } from '../helpers/token-gateway.js';

afterEach(closeGateways);

const CREATION_MS = 60_000;
const THIRTY_MINUTES_MS = 30 * 60_000;
const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000';

/** A gateway with a connection that is being created until the clock of DLI is advanced. */
async function startWithConnection() {
  const clock = createTestClock();
  const dliClock = createManualClock();
  const gateway = await startGateway({
    // DLI has its own clock.
    clock: { ...clock, epochMs: Date.now },
    env: { FOLLOW_INTERVAL_MS: '100' },
    emulator: { creationMs: CREATION_MS, now: dliClock.epochMs },
  });
  return { ...gateway, clock, dliClock, id: gateway.emulator.seedConnection().connectionId };
}

function progressOf(connection: DatasourceConnectionFieldsFragment): number | null | undefined {
  return connection.__typename === 'ClassicDatasourceConnection' ? connection.progress : undefined;
}

describe('follow() of the client package', () => {
  it('yields the state, then every change, until the connection is active', async () => {
    const { graphqlUrl, dliClock, id } = await startWithConnection();
    const seen: unknown[] = [];
    for await (const connection of createClient({ url: graphqlUrl }).follow(id)) {
      seen.push([connection.state, progressOf(connection)]);
      dliClock.advance(CREATION_MS / 2);
    }
    expect(seen).toEqual([
      ['CREATING', 0],
      ['CREATING', 0.5],
      ['ACTIVE', 1],
    ]);
  });

  it('continues after 30 minutes and after a broken connection', async () => {
    const { graphqlUrl, clock, dliClock, id } = await startWithConnection();
    const relay = await startRelay();
    relay.forwardTo(graphqlUrl);
    const retries: unknown[] = [];
    const follow = createClient({ url: relay.url }).follow(id, {
      onRetry({ error }) {
        retries.push(error);
        relay.forwardTo(graphqlUrl);
      },
    });
    const seen: unknown[] = [];
    for await (const connection of follow) {
      seen.push(progressOf(connection));
      if (seen.length === 1) clock.advance(THIRTY_MINUTES_MS);
      // The next event ends the stream, which has expired, or shows the next state.
      dliClock.advance(CREATION_MS / 4);
    }
    expect(retries).toMatchObject([{ code: 'SUBSCRIPTION_ENDED' }]);
    expect(seen.at(-1)).toBe(1);
  });

  it('waits for a gateway that cannot be reached', async () => {
    const { graphqlUrl, dliClock, id } = await startWithConnection();
    dliClock.advance(CREATION_MS);
    const relay = await startRelay();
    const errors: unknown[] = [];
    const follow = createClient({ url: relay.url }).follow(id, {
      onRetry({ error }) {
        errors.push(error);
        relay.forwardTo(graphqlUrl);
      },
    });
    const states: string[] = [];
    for await (const { state } of follow) states.push(state);
    expect(states).toEqual(['ACTIVE']);
    expect(errors).toEqual([expect.any(TypeError)]);
  });

  it('ends without a value if the connection does not exist', async () => {
    const { graphqlUrl } = await startGateway();
    for await (const connection of createClient({ url: graphqlUrl }).follow(UNKNOWN_ID))
      throw new Error(`There is ${connection.id}.`);
  });

  it.each([
    ['without a token', undefined, { code: 'UNAUTHENTICATED' }],
    ['without the right to read', { claims: { scope: 'dli:connection:create' } }, { code: 'FORBIDDEN' }],
  ])('throws %s', async (_what, claims, error) => {
    const { graphqlUrl, sign } = await startTokenGateway();
    const token = claims === undefined ? undefined : await sign(claims);
    const follow = createClient({ url: graphqlUrl, token: () => token }).follow(UNKNOWN_ID);
    await expect(follow.next()).rejects.toMatchObject({ name: 'GatewayError', ...error });
  });

  it('throws the reason of its aborted signal', async () => {
    const { graphqlUrl, id } = await startWithConnection();
    const leaving = new AbortController();
    const follow = createClient({ url: graphqlUrl }).follow(id, { signal: leaving.signal });
    expect((await follow.next()).value).toMatchObject({ state: 'CREATING' });
    const next = follow.next();
    const reason = new Error('The user left.');
    leaving.abort(reason);
    await expect(next).rejects.toBe(reason);
  });
});

describe('subscribe() of the client package', () => {
  it('yields what changes in a list', async () => {
    const { graphqlUrl, create, emulator } = await startGateway({ env: { FOLLOW_INTERVAL_MS: '100' } });
    const variables = { filter: { name: 'watched' } };
    const changes = createClient({ url: graphqlUrl }).subscribe(DatasourceConnectionChangesDocument, variables);
    const first = changes.next();
    // Changes are reported relative to the first list, which was read before the second.
    await emulator.ledger.waitFor('listConnections', 2);
    await create({ name: 'watched-1' });
    expect((await first).value).toMatchObject({
      datasourceConnections: { kind: 'ADDED', connection: { name: 'watched-1' } },
    });
    await changes.return();
  });
});
