import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { LedgerEntry } from '../../src/emulator/ledger.js';
import { EXAMPLE_MUTATION } from '../../src/http/explorer.js';
import { sendGraphql } from '../helpers/gateway.js';
import { startGatewayProcess } from '../helpers/gateway-process.js';

const FREE_PORTS = { PORT: '0', ADMIN_PORT: '0' };
const ID = /^[0-9a-f-]{36}$/;

function startDevelopment(environment: Record<string, string> = {}) {
  return startGatewayProcess({ ...FREE_PORTS, ...environment }, { arguments: ['--dev'] });
}

/** Waits for the start-up text and parses its addresses. */
async function addressesOf(gateway: ReturnType<typeof startDevelopment>) {
  const [, graphqlUrl = '', healthUrl = '', emulatorUrl = ''] = await gateway.find(
    /GraphQL +(\S+)\n(?: +Explorer .*\n)? +Health +(\S+)\n +Emulator +(\S+)\n/,
  );
  return { graphqlUrl, healthUrl, emulatorUrl };
}

async function readJson(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

describe('the development mode', () => {
  it('prints the addresses of GraphQL, the explorer, the health check and the emulator', async () => {
    const gateway = startDevelopment();
    const { graphqlUrl, healthUrl, emulatorUrl } = await addressesOf(gateway);
    expect(gateway.stdout().replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:n')).toBe(
      [
        'The gateway is ready, on an emulator of DLI that runs inside it.',
        '  GraphQL   http://127.0.0.1:n/graphql',
        '  Explorer  http://127.0.0.1:n/graphql (open it in a browser)',
        '  Health    http://127.0.0.1:n/readyz',
        '  Emulator  http://127.0.0.1:n',
        '',
      ].join('\n'),
    );
    expect(await readJson(healthUrl)).toEqual({ status: 'ready' });
    expect(await readJson(`${emulatorUrl}/emulator/health`)).toEqual({ status: 'ok' });
    const page = await fetch(graphqlUrl, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  });

  it('creates a connection with the example mutation, signed with the key of its emulator', async () => {
    const { graphqlUrl, emulatorUrl } = await addressesOf(startDevelopment());
    const { status, body } = await sendGraphql(graphqlUrl, { query: EXAMPLE_MUTATION });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        data: {
          createDatasourceConnection: {
            __typename: 'CreateDatasourceConnectionSuccess',
            connectionId: expect.stringMatching(ID),
            hint: null,
          },
        },
      },
    });
    const ledger = await readJson(`${emulatorUrl}/emulator/ledger?operation=createConnection`);
    expect((ledger as { entries: LedgerEntry[] }).entries).toEqual([
      expect.objectContaining({ authentication: 'signature', authenticated: true, status: 201 }),
    ]);
  });

  it('neither uses nor prints credentials for the real cloud', async () => {
    let connections = 0;
    const realCloud = createServer(socket => {
      connections += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(realCloud, 'listening');
    const realUrl = `http://127.0.0.1:${(realCloud.address() as AddressInfo).port}`;
    const gateway = startDevelopment({
      LOG_LEVEL: 'debug',
      DLI_REGION: 'canary-region-1',
      DLI_ENDPOINT: realUrl,
      HUAWEICLOUD_SDK_IAM_ENDPOINT: realUrl,
      HUAWEICLOUD_SDK_AK: 'CANARY-AK',
      HUAWEICLOUD_SDK_SK_FILE: '/canary/secret-key',
      HUAWEICLOUD_SDK_SECURITY_TOKEN: 'CANARY-TOKEN',
      HUAWEICLOUD_SDK_PROJECT_ID: 'canary-project',
      IAM_USERNAME: 'canary-user',
      IAM_PASSWORD: 'canary-password',
      IAM_DOMAIN_NAME: 'canary-account',
      CALLER_AUTH: 'canary',
    });
    const { graphqlUrl, emulatorUrl } = await addressesOf(gateway);
    const { body } = await sendGraphql(graphqlUrl, { query: EXAMPLE_MUTATION });
    const ledger = JSON.stringify(await readJson(`${emulatorUrl}/emulator/ledger`));
    gateway.signal('SIGINT');
    expect(await gateway.end()).toBe(0);
    realCloud.close();
    expect(body.data).toMatchObject({
      createDatasourceConnection: { connectionId: expect.stringMatching(ID) },
    });
    expect(connections).toBe(0);
    expect(gateway.stdout() + gateway.stderr() + ledger).not.toMatch(/canary/i);
  });

  it.each([
    ['0', 'ACTIVE'],
    ['600000', 'CREATING'],
  ])('with EMULATOR_CREATION_MS=%s returns a new connection that is %s', async (creationMs, state) => {
    const gateway = startDevelopment({ EMULATOR_CREATION_MS: creationMs });
    const { graphqlUrl, emulatorUrl } = await addressesOf(gateway);
    await sendGraphql(graphqlUrl, { query: EXAMPLE_MUTATION });
    expect(await readJson(`${emulatorUrl}/emulator/connections`)).toMatchObject({ connections: [{ state }] });
  });

  it('keeps its emulator on loopback despite EMULATOR_HOST, and prints no secrets', async () => {
    const gateway = startDevelopment({
      EMULATOR_HOST: '0.0.0.0',
      EMULATOR_SK: 'CanarySecretKey',
      EMULATOR_SECURITY_TOKEN: 'CanaryToken',
    });
    const { graphqlUrl, emulatorUrl } = await addressesOf(gateway);
    const { body } = await sendGraphql(graphqlUrl, { query: EXAMPLE_MUTATION });
    expect(body.data).toMatchObject({
      createDatasourceConnection: { connectionId: expect.stringMatching(ID) },
    });
    expect(emulatorUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(gateway.stdout() + gateway.stderr()).not.toMatch(/canary/i);
  });

  it.each([
    ['HOST', '0.0.0.0', 'HOST must be a loopback address in development mode'],
    ['HOST', '127.0.0.1.evil.example', 'HOST must be a loopback address in development mode'],
    ['ADMIN_HOST', '0.0.0.0', 'ADMIN_HOST must be a loopback address in development mode'],
    ['EMULATOR_CREATION_MS', 'a-while', 'EMULATOR_CREATION_MS: must be a whole number'],
    ['EMULATOR_PORT', '65537', 'EMULATOR_PORT: must be at most 65535'],
    ['EMULATOR_FAIL_NAMES', '(canary', 'EMULATOR_FAIL_NAMES: must be a regular expression'],
  ])('with %s=%s reports the problem without the value and exits with 78', async (key, value, problem) => {
    const gateway = startDevelopment({ [key]: value });
    expect(await Promise.race([gateway.end(), addressesOf(gateway)])).toBe(78);
    expect(gateway.stderr().trimEnd()).toBe(
      `The gateway cannot start. Wrong in its configuration:\n  ${problem}`,
    );
    expect(gateway.stdout()).toBe('');
  });
});
