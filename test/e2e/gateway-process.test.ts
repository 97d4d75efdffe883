import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { sendGraphql } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';

// Nothing listens there; these tests need no upstream.
const ENVIRONMENT = environmentFor('http://127.0.0.1:9');
const CANARY = 'canary-83d1';
const FOLDER = mkdtempSync(join(tmpdir(), 'gateway-process-'));

afterAll(() => rmSync(FOLDER, { recursive: true }));

/** The path of a world-readable file. */
function publicFile(name: string, text: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

describe('a gateway with an invalid configuration', () => {
  it('reports all problems at once on stderr, without values, and exits with 78', async () => {
    const gateway = startGatewayProcess({
      PORT: CANARY,
      HOST: `${CANARY}/`,
      DLI_ENDPOINT: `http://${CANARY}.example`,
      OPERATION_TIMEOUT_MS: CANARY,
      HUAWEICLOUD_SDK_AK: `${CANARY} `,
      IAM_PASSWORD: CANARY,
    });
    expect(await gateway.end()).toBe(78);
    expect(gateway.stdout()).toBe('');
    expect(gateway.stderr()).toBe(
      [
        'The gateway cannot start. Wrong in its configuration:',
        '  HOST must be a host name or an IP address',
        '  PORT must be a port number from 0 to 65535',
        '  DLI_REGION is required, for example cn-north-4',
        '  DLI_ENDPOINT must use https; http is accepted for loopback addresses only',
        '  HUAWEICLOUD_SDK_AK must be printable ASCII without spaces',
        '  OPERATION_TIMEOUT_MS must be a whole number of milliseconds from 1000 to 120000',
        '  CALLER_AUTH is required: jwt or none, said explicitly',
        '  HUAWEICLOUD_SDK_AK and IAM_USERNAME exclude each other: give one kind of credentials',
        '  HUAWEICLOUD_SDK_SK is required with access keys',
        '  IAM_USERNAME is required with an IAM user',
        '  IAM_DOMAIN_NAME is required with an IAM user',
        '',
      ].join('\n'),
    );
  });

  it.each([
    ['NODE_ENV', { NODE_ENV: CANARY }],
    ['HUAWEICLOUD_SDK_SK', { HUAWEICLOUD_SDK_SK: '' }],
    ['HUAWEICLOUD_SDK_SK', { HUAWEICLOUD_SDK_SK: `${CANARY}\u00e4` }],
    ['HUAWEICLOUD_SDK_SK_FILE', { HUAWEICLOUD_SDK_SK: '', HUAWEICLOUD_SDK_SK_FILE: `/${CANARY}` }],
    ['DLI_ENDPOINT', { DLI_ENDPOINT: `http://127.0.0.1.${CANARY}.example` }],
    ['HUAWEICLOUD_SDK_IAM_ENDPOINT', { HUAWEICLOUD_SDK_IAM_ENDPOINT: `https://u:${CANARY}@iam.example` }],
    ['CALLER_AUTH', { CALLER_AUTH: '' }],
    ['CORS_ORIGINS', { CORS_ORIGINS: `*,${CANARY}` }],
    ['CA_FILE', { CA_FILE: `/${CANARY}` }],
    ['NODE_TLS_REJECT_UNAUTHORIZED', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
    ['TRUSTED_DOCUMENTS', { TRUSTED_DOCUMENTS: publicFile('documents.json', CANARY) }],
    ['IAM_PASSWORD_FILE', { IAM_PASSWORD_FILE: publicFile('password', CANARY) }],
  ])('because of %s refuses to start within 2 s of CPU time', async (key, changes) => {
    const gateway = startGatewayProcess(
      { ...ENVIRONMENT, ...changes },
      {
        preload: `import { writeSync } from 'node:fs';
          process.on('exit', () => {
            const { user, system } = process.cpuUsage();
            writeSync(1, 'worked ' + Math.round((user + system) / 1000) + ' ms');
          });`,
      },
    );
    expect(await gateway.end()).toBe(78);
    expect(gateway.stderr()).toContain(`\n  ${key} `);
    expect(gateway.stderr()).not.toContain(CANARY);
    expect(Number((await gateway.find(/^worked (\d+) ms$/))[1])).toBeLessThan(2_000);
  });
});

describe('a gateway whose port is in use', () => {
  it.each(['PORT', 'ADMIN_PORT'])('as %s reports it and exits with 69', async key => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const gateway = startGatewayProcess({ ...ENVIRONMENT, [key]: String(port) });
    expect(await gateway.end()).toBe(69);
    expect(gateway.stderr()).toBe(
      `The gateway cannot start: it cannot listen on 127.0.0.1:${port} (EADDRINUSE). HOST, PORT, ADMIN_HOST and ADMIN_PORT say where it listens.\n`,
    );
    other.close();
  });
});

describe('a gateway in production', () => {
  it('writes nothing but JSON lines to stdout, and nothing to stderr', async () => {
    const gateway = startGatewayProcess({ ...ENVIRONMENT, LOG_LEVEL: 'debug' });
    const { graphqlUrl, adminUrl } = await gateway.addresses();
    await fetch(`${adminUrl}/readyz`);
    await sendGraphql(graphqlUrl, { query: '{ a\nlevel=fatal }' });
    await sendGraphql(graphqlUrl, 'not json\n{');
    gateway.signal('SIGTERM');
    expect(await gateway.end()).toBe(0);
    expect(gateway.stderr()).toBe('');
    expect(gateway.logLines().map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^Server listening at /),
      'listening',
      'request',
      'request',
      'stopping',
      'stopped',
    ]);
  });

  it('has no explorer unless one is configured', async () => {
    const { graphqlUrl, explorer } = await startGatewayProcess(ENVIRONMENT).addresses();
    const response = await fetch(graphqlUrl, { headers: { accept: 'text/html' } });
    expect(explorer).toBe('none');
    expect(response.status).toBe(405);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it.each(['debug', 'info', 'warn', 'error'])(
    'that is reachable by anonymous callers warns even with LOG_LEVEL=%s',
    async level => {
      const gateway = startGatewayProcess({ ...ENVIRONMENT, HOST: '0.0.0.0', LOG_LEVEL: level });
      const [line] = await gateway.find(/^.*CALLER_AUTH=none.*$/m);
      expect(JSON.parse(line)).toMatchObject({
        level: 40,
        host: '0.0.0.0',
        msg: 'CALLER_AUTH=none: everybody who reaches this address can create and delete connections with your credentials',
      });
    },
  );

  it('does not warn on loopback', async () => {
    const gateway = startGatewayProcess(ENVIRONMENT);
    await gateway.addresses();
    gateway.signal('SIGTERM');
    await gateway.end();
    expect(gateway.stdout()).not.toContain('CALLER_AUTH');
  });
});
