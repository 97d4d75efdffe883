import { describe, expect, it } from '@jest/globals';
import type { EnhancedConnectionRequest } from '../../src/dli/connection.js';
import { closedPort } from '../helpers/listening-server.js';
import type { Answer } from './helpers/dli-clients.js';
import { ENHANCED, NOT_OFFERED, startClients } from './helpers/dli-clients.js';

const ID = '2a620c33-5609-40c9-affd-2b6453071b0f';
const REQUEST: EnhancedConnectionRequest = {
  kind: 'ENHANCED',
  name: 'orders',
  vpcId: '22094d8f-c310-4621-913d-4c4d655d8495',
  networkId: '78f2562a-36e4-4b39-95b9-f5aab22e1281',
};
const WIRE = { name: 'orders', dest_vpc_id: REQUEST.vpcId, dest_network_id: REQUEST.networkId };
const CREATED: Answer = { status: 201, body: { is_success: true, message: '', connection_id: ID } };
const THROTTLED: Answer = { status: 429, body: { error_code: 'APIGW.0308', error_msg: 'no' } };

type Clients = Awaited<ReturnType<typeof startClients>>;

async function create({ enhanced, context }: Clients, request = REQUEST) {
  const prepared = await enhanced.prepareCreate(context());
  return prepared.kind === 'failed' ? prepared : enhanced.createConnection(request, prepared, context());
}

describe('a create of an enhanced connection', () => {
  it.each<[what: string, changes: Partial<EnhancedConnectionRequest>, wire: object]>([
    ['what is required', {}, {}],
    ['no hosts', { hosts: [] }, { hosts: [] }],
    ['no tags', { tags: [] }, {}],
    [
      'everything',
      { routeTableId: 'r1', hosts: [{ name: 'a', ip: '10.0.0.1' }], tags: [{ key: 'gw_req', value: 'x' }] },
      { routetable_id: 'r1', hosts: [{ name: 'a', ip: '10.0.0.1' }], tags: [{ key: 'gw_req', value: 'x' }] },
    ],
  ])('sends %s, and never pools or queues', async (_what, changes, wire) => {
    const clients = await startClients(() => CREATED);
    expect(await create(clients, { ...REQUEST, ...changes })).toMatchObject({ kind: 'created', connectionId: ID });
    const [post, ...others] = clients.received;
    expect(post).toMatchObject({ method: 'POST', path: ENHANCED, query: '' });
    expect(JSON.parse(post?.body ?? '')).toEqual({ ...WIRE, ...wire });
    expect(others).toEqual([]);
    expect(clients.logged).toMatchObject([{ operation: 'createEnhancedConnection', outcome: 'created' }]);
  });

  it.each<[what: string, answer: Answer, result: object]>([
    ['a taken name', { status: 400, body: { error_code: 'DLI.0006' } }, { kind: 'failed', code: 'NAME_TAKEN' }],
    ['an unknown VPC', { status: 400, body: { error_code: 'DLI.0002' } }, { kind: 'failed', code: 'REJECTED' }],
    ['a restriction', { status: 400, body: { error_code: 'DLI.0009' } }, { kind: 'failed', code: 'REJECTED' }],
    ['a used quota', { status: 400, body: { error_code: 'DLI.1028' } }, { kind: 'failed', code: 'REJECTED' }],
    ['no such operation', NOT_OFFERED, { kind: 'failed', code: 'REJECTED' }],
    [
      'a peering error',
      { status: 400, body: { error_code: 'DLI.22102' } },
      { kind: 'unknown', reason: 'UPSTREAM_ERROR' },
    ],
    ['a failure', { body: { is_success: false } }, { kind: 'unconfirmed' }],
    ['no connection', { isLost: true }, { kind: 'unknown', reason: 'CONNECTION_LOST' }],
  ])('has the result of a classic one: %s', async (_what, answer, result) => {
    const clients = await startClients(() => answer);
    expect(await create(clients)).toMatchObject(result);
    expect(clients.received).toHaveLength(1);
  });

  it('shares its circuit breaker with classic ones', async () => {
    const port = await closedPort();
    // Too short for a retry. The clock stands still, so no deadline passes.
    const clients = await startClients(() => CREATED, undefined, `http://127.0.0.1:${port}`);
    const { classic, enhanced, context, logged } = clients;
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const prepared = await enhanced.prepareCreate(context(1_000));
      if (prepared.kind === 'failed') throw new TypeError('the circuit breaker is open');
      await enhanced.createConnection(REQUEST, prepared, context(1_000));
    }
    expect(await classic.prepareCreate(context())).toMatchObject({ kind: 'failed', code: 'UNAVAILABLE' });
    expect(logged.filter(({ outcome }) => outcome === 'BREAKER_OPENED')).toHaveLength(1);
  });

  it('shares its retry budget with classic ones', async () => {
    // The budget of 3 in 10 s is used up by the first three.
    const clients = await startClients(() => THROTTLED);
    const { classic, context, received } = clients;
    for (let attempt = 0; attempt < 3; attempt += 1) await create(clients);
    expect(received).toHaveLength(6);
    const prepared = await classic.prepareCreate(context());
    if (prepared.kind === 'failed') throw new TypeError('not signed in');
    const request = {
      kind: 'CLASSIC',
      name: 'a',
      service: 'RDS',
      securityGroupId: 's',
      networkId: 'n',
      url: 'h:1',
    } as const;
    expect(await classic.createConnection(request, prepared, context())).toMatchObject({ code: 'THROTTLED' });
    expect(received).toHaveLength(7);
  });
});
