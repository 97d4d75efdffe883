import { describe, expect, it } from '@jest/globals';
import { exchangeRaw, rawRequest } from '../helpers/raw-connection.js';
import { CONNECTIONS_PATH, CREATE_BODY, shareEmulator, startEmulator } from '../helpers/running-emulator.js';

const shared = shareEmulator();

describe('the control API', () => {
  it('reports that the emulator is up', async () => {
    const { send } = shared();
    expect(await send('GET', '/emulator/health')).toMatchObject({ status: 200, json: { status: 'ok' } });
  });

  it('returns the ledger by operation, without control requests, and clears it', async () => {
    const { send, call, emulator } = shared();
    await call('GET', CONNECTIONS_PATH);
    expect((await send('GET', '/emulator/ledger?operation=listConnections')).json).toMatchObject({
      entries: [{ operation: 'listConnections', sequence: 2 }],
    });
    expect(((await send('GET', '/emulator/ledger')).json as { entries: object[] }).entries).toHaveLength(2);
    expect((await send('GET', '/emulator/ledger?after=1')).json).toMatchObject({ entries: [{ sequence: 2 }] });
    expect((await send('GET', '/emulator/ledger?after=x')).status).toBe(400);
    expect((await send('DELETE', '/emulator/ledger')).status).toBe(204);
    expect(emulator.ledger.count()).toBe(0);
  });

  it('refuses an unknown operation', async () => {
    const { send } = shared();
    expect((await send('GET', '/emulator/ledger?operation=x')).status).toBe(400);
  });

  it('queues, lists and clears faults', async () => {
    const { send, call } = shared();
    const fault = { operation: 'listConnections', status: 503 };
    expect(await send('POST', '/emulator/faults', fault)).toMatchObject({ status: 201 });
    await send('POST', '/emulator/faults', [
      { ...fault, times: 0 },
      { ...fault, skip: 3 },
    ]);
    expect((await call('GET', CONNECTIONS_PATH)).status).toBe(503);
    expect((await send('GET', '/emulator/faults')).json).toEqual({
      faults: [
        { fault: { ...fault, times: 0 }, passesLeft: 0, hitsLeft: null },
        { fault: { ...fault, skip: 3 }, passesLeft: 3, hitsLeft: 1 },
      ],
    });
    expect((await send('DELETE', '/emulator/faults')).status).toBe(204);
    expect((await call('GET', CONNECTIONS_PATH)).status).toBe(200);
  });

  it.each<[why: string, body: unknown, problem: RegExp]>([
    ['an unknown operation', { operation: 'drop' }, /^fault 1: operation: /],
    ['an unknown key', { operation: 'any', stauts: 500 }, /^fault 1: .*stauts/],
    ['an invalid status', { operation: 'any', status: 99 }, /^fault 1: status: /],
    ['an invalid header', { operation: 'any', headers: { 'a b': '' } }, /^fault 1: headers: /],
    ['an unknown error code', { operation: 'any', error: 'DLI.4711' }, /^fault 1: error: /],
    ['a second invalid fault', [{ operation: 'any' }, { operation: 'any', delayMs: -1 }], /^fault 2: delayMs: /],
    ['no JSON', '{', /^fault 1: /],
  ])('refuses %s, naming the key, and queues nothing', async (_why, body, problem) => {
    const { send } = shared();
    const { status, json } = await send('POST', '/emulator/faults', body);
    expect({ status, json }).toEqual({
      status: 400,
      json: { error: expect.any(String), problems: [expect.stringMatching(problem)] },
    });
    expect((await send('GET', '/emulator/faults')).json).toEqual({ faults: [] });
  });

  it('lists the connections', async () => {
    const { send, create } = shared();
    const connectionId = await create();
    expect((await send('GET', '/emulator/connections')).json).toMatchObject({
      connections: [{ connectionId, name: 'orders', state: 'ACTIVE' }],
    });
  });

  it('adds and lists enhanced connections', async () => {
    const { send } = shared();
    const seed = {
      name: 'many',
      count: 3,
      hostCount: 300,
      createdAtMs: 10,
      bindings: [{ kind: 'pool', name: 'pool_a', status: 'ACTIVE' }],
    };
    const added = await send('POST', '/emulator/enhanced-connections', [seed, { name: 'one', createdAtMs: 20 }]);
    expect(added).toMatchObject({ status: 201, json: { connections: [{}, {}, {}, {}] } });
    const listed = (await send('GET', '/emulator/enhanced-connections')).json;
    expect(listed).toEqual(added.json);
    expect(listed).toMatchObject({
      connections: [
        { name: 'many_1', createdAtMs: 10, bindings: [{ name: 'pool_a', status: 'ACTIVE' }] },
        { name: 'many_2', createdAtMs: 11 },
        { name: 'many_3', createdAtMs: 12, status: 'ACTIVE' },
        { name: 'one', hosts: [] },
      ],
    });
    const [first] = (listed as { connections: { hosts: { name: string; ip: string }[] }[] }).connections;
    const names = new Set(first?.hosts.flatMap(({ name, ip }) => [name, ip]));
    expect(names.size).toBe(600);
  });

  it('refuses a bad seed of an enhanced connection, naming the key, and adds nothing', async () => {
    const { send } = shared();
    const seeds = [{ name: 'good' }, { hostCount: 20_001, state: 'ACTIVE' }];
    expect(await send('POST', '/emulator/enhanced-connections', seeds)).toMatchObject({
      status: 400,
      json: {
        problems: [
          expect.stringMatching(/^connection 2: hostCount: /),
          expect.stringMatching(/^connection 2: .*state/),
        ],
      },
    });
    expect((await send('GET', '/emulator/enhanced-connections')).json).toEqual({ connections: [] });
  });

  it('changes settings and returns all of them', async () => {
    const { send, create } = await startEmulator();
    const changes = {
      creationMs: 60_000,
      uniqueNames: false,
      failNames: '',
      tagFilter: 'refused',
      tombstoneMs: null,
    };
    expect(await send('PATCH', '/emulator/settings', changes)).toMatchObject({
      status: 200,
      json: { ...changes, listLagMs: 0, queueInfoKey: 'uuid' },
    });
    await create();
    await create();
    expect((await send('GET', '/emulator/connections')).json).toMatchObject({
      connections: [{ state: 'CREATING' }, { state: 'CREATING' }],
    });
  });

  it('refuses invalid settings, naming the keys, and changes nothing', async () => {
    const { send } = await startEmulator();
    const { status, json } = await send('PATCH', '/emulator/settings', {
      creationMs: -1,
      failNames: '(',
      stuckResources: '(',
      subnetCidrs: { n: '10.0.0.0/33' },
      speed: 1,
    });
    expect(status).toBe(400);
    expect((json as { problems: string[] }).problems).toEqual([
      expect.stringMatching(/^creationMs: /),
      'failNames: is not a regular expression',
      'stuckResources: is not a regular expression',
      'subnetCidrs.n: is not an address range',
      expect.stringContaining('speed'),
    ]);
    expect((await send('GET', '/emulator/settings')).json).toMatchObject({
      creationMs: 0,
      failNames: '^fail',
    });
  });

  it('resets all state', async () => {
    const { send, call, create, emulator } = shared();
    await create();
    emulator.seedEnhancedConnection();
    emulator.inject({ operation: 'any', status: 500 });
    expect((await send('POST', '/emulator/reset')).status).toBe(204);
    expect([emulator.connections(), emulator.enhancedConnections(), emulator.ledger.count()]).toEqual([[], [], 0]);
    expect(await call('GET', CONNECTIONS_PATH)).toMatchObject({
      status: 401,
      json: { error_code: 'APIGW.0301' },
    });
  });

  it('expires tokens', async () => {
    const { send, call } = shared();
    await call('POST', CONNECTIONS_PATH, CREATE_BODY);
    expect((await send('POST', '/emulator/tokens/expire')).status).toBe(204);
    expect(await call('GET', CONNECTIONS_PATH)).toMatchObject({
      status: 401,
      json: { error_code: 'APIGW.0307' },
    });
  });

  it('returns 404 for other paths', async () => {
    const { send } = shared();
    expect((await send('GET', '/emulator/other')).status).toBe(404);
  });
});

describe('the protection of the control API from browser pages', () => {
  it('refuses requests with an Origin header', async () => {
    const { send, emulator } = shared();
    await send('GET', CONNECTIONS_PATH);
    const origin = { origin: 'https://example.com' };
    expect((await send('DELETE', '/emulator/ledger', undefined, origin)).status).toBe(403);
    expect(emulator.ledger.count()).toBe(1);
  });

  it.each([
    ['example.com', 403],
    ['127.0.0.1.example.com', 403],
    ['localhost.example.com:80', 403],
    ['127.0.0.1', 200],
    ['localhost:4010', 200],
    ['[::1]:4010', 200],
  ])('responds to Host %s with status %i', async (host, status) => {
    const { baseUrl } = shared();
    const headers = { host, connection: 'close' };
    const { head } = await exchangeRaw(baseUrl, rawRequest('GET', '/emulator/health', '', headers));
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it('accepts any Host if the emulator does not listen on loopback', async () => {
    const { emulator } = await startEmulator();
    await emulator.close();
    const baseUrl = await emulator.listen(0, '0.0.0.0');
    const headers = { host: 'emulator:4010', connection: 'close' };
    const { head } = await exchangeRaw(baseUrl, rawRequest('GET', '/emulator/health', '', headers));
    expect(head).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe('an internal error of the emulator', () => {
  it('is printed, and its caller gets a 500', async () => {
    const printed: string[] = [];
    const now = () => {
      throw new TypeError('The clock broke.');
    };
    const { send } = await startEmulator({ now, printError: text => printed.push(text) });
    expect(await send('GET', CONNECTIONS_PATH)).toMatchObject({ status: 500 });
    expect(printed).toEqual([
      expect.stringMatching(/^Internal error of the emulator: TypeError: The clock broke\.\n {4}at /),
    ]);
  });

  it('is not a caller that disconnects', async () => {
    const printed: string[] = [];
    const { call, emulator } = await startEmulator({ printError: text => printed.push(text) });
    emulator.inject({ operation: 'listConnections', delayMs: 60_000 });
    const abandoned = expect(call('GET', CONNECTIONS_PATH)).rejects.toThrow();
    await emulator.ledger.waitFor('listConnections', 1);
    await emulator.close();
    await abandoned;
    expect(printed).toEqual([]);
  });
});
