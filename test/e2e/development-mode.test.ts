import { once } from 'node:events';
import { createServer } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { LedgerEntry } from '../../src/emulator/ledger.js';
import { EXAMPLE_CREATE } from '../../src/http/explorer-examples.js';
import { sendGraphql } from '../helpers/gateway.js';
import { startGatewayProcess } from '../helpers/gateway-process.js';
import { listen } from '../helpers/listening-server.js';
import { HANDSHAKE, openConnection } from '../helpers/raw-connection.js';

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

/** Starts the gateway and sends the example mutation; returns the response and the state of its emulator. */
async function startAndCreate(environment: Record<string, string> = {}) {
  const gateway = startDevelopment(environment);
  const addresses = await addressesOf(gateway);
  const startText = gateway.stdout();
  const answer = await sendGraphql(addresses.graphqlUrl, EXAMPLE_CREATE);
  const { entries } = (await readJson(`${addresses.emulatorUrl}/emulator/ledger`)) as {
    entries: LedgerEntry[];
  };
  const connections = await readJson(`${addresses.emulatorUrl}/emulator/connections`);
  return { gateway, startText, ...addresses, answer, entries, connections };
}

async function readJson(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

describe('the development mode', () => {
  type Started = Awaited<ReturnType<typeof startAndCreate>>;
  let plain: Started;
  /** Started with variables for the real cloud, and with secrets for its emulator. */
  let withSecrets: Started;
  let callsToRealCloud: () => number;

  beforeAll(async () => {
    const realCloud = await listen(createServer(socket => socket.destroy()));
    callsToRealCloud = () => realCloud.connections().length;
    const realUrl = `http://${realCloud.host}`;
    // One after another: together they would be slow to answer, and a gateway waits for IAM only 8 s.
    plain = await startAndCreate({ EMULATOR_CREATION_MS: '600000' });
    withSecrets = await startAndCreate({
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
      EMULATOR_HOST: '0.0.0.0',
      EMULATOR_SK: 'CanarySecretKey',
      EMULATOR_SECURITY_TOKEN: 'CanaryToken',
      EMULATOR_CREATION_MS: '0',
    });
  });

  it('prints the addresses of GraphQL, the explorer, the health check and the emulator', async () => {
    const { startText, graphqlUrl, healthUrl, emulatorUrl } = plain;
    // The removed line is printed only if examples/web, which tests it, has been built.
    expect(startText.replace(/^ {2}Example .*\n/m, '').replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:n')).toBe(
      [
        'The gateway is ready, with an embedded DLI emulator.',
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

  it('creates a connection with the example mutation, signed with the key of its emulator', () => {
    const { status, body } = plain.answer;
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        data: {
          createDatasourceConnection: {
            __typename: 'CreateDatasourceConnectionSuccess',
            connectionId: expect.stringMatching(ID),
            reconciled: false,
          },
        },
      },
    });
    expect(plain.entries.filter(({ operation }) => operation === 'createConnection')).toEqual([
      expect.objectContaining({ authentication: 'signature', authenticated: true, status: 201 }),
    ]);
  });

  it('neither uses nor prints credentials for the real cloud', async () => {
    const { gateway, answer, entries } = withSecrets;
    gateway.signal('SIGINT');
    expect(await gateway.end()).toBe(0);
    expect(answer.body.data).toMatchObject({
      createDatasourceConnection: { connectionId: expect.stringMatching(ID) },
    });
    expect(callsToRealCloud()).toBe(0);
    expect(gateway.stdout() + gateway.stderr() + JSON.stringify(entries)).not.toMatch(/canary/i);
  });

  it.each([
    ['http://localhost:5173', 'http://localhost:5173'],
    ['https://127.0.0.1:8443', 'https://127.0.0.1:8443'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
    ['http://localhost', 'http://localhost'],
    ['http://localhost.evil.example:5173', null],
    ['http://evil.example:5173', null],
    ['null', null],
  ])(
    'lets pages from development servers on this machine read its responses, whatever their port: %s',
    async (origin, allowed) => {
      const { headers } = await sendGraphql(plain.graphqlUrl, { query: '{ __typename }' }, { origin });
      expect(headers.get('access-control-allow-origin')).toBe(allowed);
      const handshake = HANDSHAKE.replace('\r\n\r\n', `\r\norigin: ${origin}\r\n\r\n`).replace('gw.test', '127.0.0.1');
      const socket = await openConnection(plain.graphqlUrl);
      socket.write(handshake);
      const [answer] = await once(socket, 'data');
      socket.destroy();
      expect(String(answer).slice(9, 12)).toBe(allowed === null ? '403' : '101');
    },
  );

  it.each([
    ['0', 'ACTIVE', () => withSecrets],
    ['600000', 'CREATING', () => plain],
  ])('with EMULATOR_CREATION_MS=%s returns a new connection that is %s', (_creationMs, state, started) => {
    expect(started().connections).toMatchObject({ connections: [{ state }] });
  });

  it('keeps its emulator on loopback despite EMULATOR_HOST, and prints no secrets', () => {
    const { gateway, emulatorUrl, answer } = withSecrets;
    expect(answer.body.data).toMatchObject({
      createDatasourceConnection: { connectionId: expect.stringMatching(ID) },
    });
    expect(emulatorUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(gateway.stdout() + gateway.stderr()).not.toMatch(/canary/i);
  });

  it.each([
    [
      'addresses that are not loopback ones',
      { HOST: '0.0.0.0', ADMIN_HOST: '127.0.0.1.evil.example' },
      [
        'HOST must be a loopback address in development mode',
        'ADMIN_HOST must be a loopback address in development mode',
      ],
    ],
    [
      'invalid variables of the emulator',
      { EMULATOR_PORT: '65537', EMULATOR_CREATION_MS: 'a-while', EMULATOR_FAIL_NAMES: '(canary' },
      [
        'EMULATOR_PORT must be at most 65535',
        'EMULATOR_CREATION_MS must be a whole number',
        'EMULATOR_FAIL_NAMES must be a regular expression',
      ],
    ],
    [
      'a folder for temporary files that does not exist',
      { TMPDIR: '/canary/gone' },
      ['TMPDIR must name a folder that can be written to (ENOENT)'],
    ],
  ])('with %s reports all of them without their values, and exits with 78', async (_, changes, problems) => {
    const gateway = startDevelopment(changes);
    expect(await Promise.race([gateway.end(), addressesOf(gateway)])).toBe(78);
    const lines = ['The gateway cannot start. Invalid configuration:', ...problems.map(problem => `  ${problem}`)];
    expect(gateway.stderr().trimEnd().split('\n')).toEqual(lines);
    expect(gateway.stdout()).toBe('');
  });
});
