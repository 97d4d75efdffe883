import { afterEach, describe, expect, it } from '@jest/globals';
import type { GatewayParts } from '../../src/http/admin-server.js';
import { readinessOf } from '../../src/http/admin-server.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { PATIENT_TIMEOUTS } from '../helpers/patient-timeouts.js';
import { openConnection, readToEnd } from '../helpers/raw-connection.js';
import { shareGateway } from '../helpers/shared-gateway.js';

const shared = shareGateway();

afterEach(closeGateways);

describe('the admin port', () => {
  it.each([
    ['/livez', { status: 'live' }],
    ['/readyz', { status: 'ready' }],
  ])('answers %s without authentication or upstream calls', async (path, body) => {
    const gateway = shared();
    const response = await fetch(new URL(path, gateway.adminUrl));

    expect({ status: response.status, body: await response.json() }).toEqual({ status: 200, body });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it('serves no GraphQL', async () => {
    const gateway = shared();
    const response = await fetch(new URL('/graphql', gateway.adminUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ __typename }"}',
    });

    expect(response.status).toBe(404);
  });
});

describe('readiness', () => {
  const PARTS: GatewayParts = {
    phase: 'serving',
    acceptedShare: 1,
    isStoreUsable: true,
    storeProblem: null,
    isClockWrong: false,
    clockSkewSeconds: null,
    areCredentialsUsable: true,
    isBreakerOpen: false,
  };

  it.each<[status: string, changes: Partial<GatewayParts>]>([
    ['ready', {}],
    ['ready', { areCredentialsUsable: false, isBreakerOpen: true }],
    ['starting', { phase: 'starting', isStoreUsable: false }],
    ['stopping', { phase: 'stopping', isStoreUsable: false }],
    ['storeUnavailable', { isStoreUsable: false, isClockWrong: true }],
    ['clockSkew', { isClockWrong: true, acceptedShare: 0.5 }],
    ['overloaded', { acceptedShare: 0.5 }],
  ])('is %s with %j', (status, changes) => {
    expect(readinessOf({ ...PARTS, ...changes })).toBe(status);
  });

  it('lists all of its parts on request', async () => {
    const { adminUrl, create } = await startGateway();
    const ask = async () => (await fetch(`${adminUrl}/readyz?verbose`)).json();
    expect(await ask()).toEqual({ status: 'ready', ...PARTS });
    await create();
    const bounds = { min: expect.any(Number), max: expect.any(Number) };
    expect(await ask()).toEqual({ status: 'ready', ...PARTS, clockSkewSeconds: bounds });
  });

  it('does not depend on DLI and credentials, but reports their state', async () => {
    const gateway = await startGateway({ env: { HUAWEICLOUD_SDK_SK: 'wrong' } });
    for (const name of ['n1', 'n2']) await gateway.create({ name });
    await gateway.emulator.close();
    const response = await fetch(`${gateway.adminUrl}/readyz?verbose`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'ready', areCredentialsUsable: false });
  });
});

describe('the connections of the admin port', () => {
  it('are closed when clients send nothing on them or read nothing from them', async () => {
    const clientTimeouts = { ...PATIENT_TIMEOUTS, responseMs: 500 };
    const { adminUrl } = await startGateway({ limits: { clientTimeouts } });
    expect(await readToEnd(await openConnection(adminUrl))).toBe('');
    const socket = await openConnection(adminUrl);
    const answer = readToEnd(socket);
    socket.write('GET /livez HTTP/1.1\r\nhost: gw.test\r\nx-rest: ');
    await answer;
  });

  it('may be idle for 75 s between two requests', async () => {
    const { adminUrl } = shared();
    expect((await fetch(`${adminUrl}/livez`)).headers.get('keep-alive')).toBe('timeout=75');
  });
});

describe('the public port', () => {
  it.each(['/livez', '/readyz', '/metrics', '/'])('does not serve %s', async path => {
    const gateway = shared();
    const response = await fetch(new URL(path, gateway.graphqlUrl));

    expect({ status: response.status, body: await response.json() }).toEqual({
      status: 404,
      body: {
        errors: [
          {
            message: 'There is nothing here. GraphQL is at /graphql.',
            extensions: { code: 'NOT_FOUND', traceId: response.headers.get('x-request-id') },
          },
        ],
      },
    });
  });
});
