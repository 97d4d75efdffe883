import { afterEach, describe, expect, it } from '@jest/globals';
import { createTestClock } from '../helpers/clock.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { connectionOf, pageOf, queryConnection } from '../helpers/read-connections.js';
import { shareGateway } from '../helpers/shared-gateway.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

afterEach(closeGateways);

/** Stands still until a test advances it. */
const clock = createManualClock();
const shared = shareGateway({}, clock);

/** A create that selects these fields of its success. */
function creating(selection: string, name = 'x'): object {
  return {
    query: `mutation { createDatasourceConnection(input: {
      name: "${name}", service: RDS, url: "192.168.0.12:5432", networkId: "n", securityGroupId: "s"
    }) { ... on CreateDatasourceConnectionSuccess { ${selection} } } }`,
  };
}

describe('simultaneous callers', () => {
  it('share one list call', async () => {
    const gateway = shared();
    gateway.emulator.seedConnection({ state: 'ACTIVE' });
    const orders = ['NAME', 'OLDEST_FIRST', 'NEWEST_FIRST'];
    const pages = Array.from({ length: 30 }, (_, index) => pageOf(gateway, `order: ${orders[index % 3]}`));
    expect((await Promise.all(pages)).map(({ totalCount }) => totalCount)).toEqual(Array(30).fill(1));
    expect(gateway.emulator.ledger.count('listConnections')).toBe(1);
  });

  it('share one get call per connection', async () => {
    const gateway = shared();
    const ids = ['a', 'b'].map(name => gateway.emulator.seedConnection({ name }).connectionId);
    const all = Array.from({ length: 30 }, (_, index) => connectionOf(gateway, ids[index % 2] ?? ''));
    expect(new Set((await Promise.all(all)).map(found => found?.name))).toEqual(new Set(['a', 'b']));
    expect(gateway.emulator.ledger.count('getConnection')).toBe(2);
  });

  it('share a failure, which is not cached for later callers', async () => {
    const { url, emulator, release } = await startHeldUpstream();
    const gateway = await startGateway({ clock: createManualClock(), env: { DLI_ENDPOINT: url } });
    const { connectionId } = emulator.seedConnection();
    emulator.inject({ operation: 'getConnection', status: 500, times: 2 });
    const answers = Promise.all(Array.from({ length: 20 }, () => queryConnection(gateway, connectionId)));
    // All callers arrive before the read fails.
    const shared = 'dli_gateway_reads_total{result="shared"} 19';
    while (!(await (await fetch(`${gateway.adminUrl}/metrics`)).text()).includes(shared));
    release();
    expect((await answers).filter(({ body }) => body.errors === undefined)).toEqual([]);
    expect(emulator.ledger.count('getConnection')).toBe(2);
    expect(await connectionOf(gateway, connectionId)).toMatchObject({ id: connectionId });
  });
});

describe('a cached result', () => {
  it('is used for one second by default', async () => {
    const gateway = shared();
    const { connectionId } = gateway.emulator.seedConnection();
    const askBoth = async () => {
      await connectionOf(gateway, connectionId);
      await pageOf(gateway);
      const { ledger } = gateway.emulator;
      return [ledger.count('getConnection'), ledger.count('listConnections')];
    };
    expect(await askBoth()).toEqual([1, 1]);
    clock.advance(1_000);
    expect(await askBoth()).toEqual([1, 1]);
    clock.advance(1);
    expect(await askBoth()).toEqual([2, 2]);
  });

  it('is used for READ_FRESHNESS_MS', async () => {
    const clock = createManualClock();
    const gateway = await startGateway({ clock, env: { READ_FRESHNESS_MS: '5000' } });
    await pageOf(gateway);
    clock.advance(5_000);
    await pageOf(gateway);
    expect(gateway.emulator.ledger.count('listConnections')).toBe(1);
  });

  it('is dropped once newer results take 16 MiB or more', async () => {
    const gateway = shared();
    const ids = Array.from({ length: 30 }, () => gateway.emulator.seedConnection().connectionId);
    // About 0.7 MiB each, at two bytes a character.
    const name = 'q'.repeat(1_000);
    const queues = Array.from({ length: 350 }, () => ({ name, err_msg: 'No route.' }));
    const body = JSON.stringify({ is_success: true, state: 'FAILED', available_queue_info: queues });
    gateway.emulator.inject({ operation: 'getConnection', body, times: 0 });
    const ask = (id = '') => gateway.send({ query: `{ datasourceConnection(id: "${id}") { state } }` });
    for (const id of ids) await ask(id);
    await ask(ids.at(-1));
    expect(gateway.emulator.ledger.count('getConnection')).toBe(30);
    expect((await ask(ids[0])).body).toEqual({ data: { datasourceConnection: { state: 'FAILED' } } });
    expect(gateway.emulator.ledger.count('getConnection')).toBe(31);
  });

  it('of a list serves further pages for 30 s', async () => {
    const gateway = shared();
    for (const name of ['a', 'b', 'c', 'd']) gateway.emulator.seedConnection({ name });
    const first = await pageOf(gateway, 'first: 1');
    clock.advance(30_000);
    const second = await pageOf(gateway, `first: 1, after: "${first.nextCursor}"`);
    expect(gateway.emulator.ledger.count('listConnections')).toBe(1);
    clock.advance(1);
    await pageOf(gateway, `first: 1, after: "${second.nextCursor}"`);
    expect(gateway.emulator.ledger.count('listConnections')).toBe(2);
  });
});

describe('a caller that creates a connection', () => {
  it('gets the connection in the very next list and by its id', async () => {
    const gateway = shared();
    for (let index = 1; index <= 5; index += 1) {
      const { connectionId = '' } = await gateway.create({ name: `own_${index}` });
      const { items, totalCount } = await pageOf(gateway, 'first: 1, order: NAME');
      expect([items.length, totalCount]).toEqual([1, index]);
      expect(await connectionOf(gateway, connectionId)).toMatchObject({ name: `own_${index}` });
    }
  });

  it('gets the connection in the payload if it is selected; otherwise DLI is not called', async () => {
    const gateway = shared();
    await gateway.send(creating('connectionId', 'without'));
    expect(gateway.emulator.ledger.count('getConnection')).toBe(0);
    const shown = 'connectionId connection { id name state progress service }';
    const { body } = await gateway.send(creating(shown, 'with'));
    const { connectionId } = gateway.emulator.connections().find(({ name }) => name === 'with') ?? {};
    expect(body).toEqual({
      data: {
        createDatasourceConnection: {
          connectionId,
          connection: { id: connectionId, name: 'with', state: 'CREATING', progress: 0, service: 'RDS' },
        },
      },
    });
  });

  it('gets the payload within the deadline of the mutation, even if the connection cannot be read', async () => {
    const clock = createTestClock();
    const gateway = await startGateway({ clock, env: { OPERATION_TIMEOUT_MS: '60000' } });
    gateway.emulator.inject({ operation: 'createConnection', delayMs: 300 });
    gateway.emulator.inject({ operation: 'getConnection', behaviour: 'hang' });
    const startedMs = performance.now();
    const answer = gateway.send(creating('connection { id } reconciled'));
    await gateway.emulator.ledger.waitFor('createConnection', 1);
    clock.advance(57_000);
    const { body } = await answer;
    expect(body).toEqual({ data: { createDatasourceConnection: { connection: null, reconciled: false } } });
    // On its own, the read would have had a minute.
    expect(performance.now() - startedMs).toBeLessThan(50_000);
  });

  it('gets the success without the connection if its token lacks the read role', async () => {
    const gateway = await startTokenGateway();
    const token = await gateway.sign({ claims: { scope: 'dli:connection:create' } });
    const { body } = await gateway.send(creating('connection { id } reconciled'), bearer(token));
    expect(body).toEqual({ data: { createDatasourceConnection: { connection: null, reconciled: false } } });
    expect(gateway.emulator.ledger.count('getConnection')).toBe(0);
  });

  it('gets the success without the connection if DLI is unavailable', async () => {
    const gateway = shared();
    gateway.emulator.inject({ operation: 'getConnection', status: 500, times: 0 });
    const { body } = await gateway.send(creating('connection { id } reconciled'));
    expect(body).toEqual({ data: { createDatasourceConnection: { connection: null, reconciled: false } } });
  });
});
