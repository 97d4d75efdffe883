import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { printedRefusal, refusalOf } from '../helpers/config-problems.js';
import { closeGateways, sendGraphql, startGateway } from '../helpers/gateway.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { listen } from '../helpers/listening-server.js';
import { openRaw, rawRequest } from '../helpers/raw-connection.js';

// Nothing listens there; these tests need no upstream.
const ENVIRONMENT = environmentFor('http://127.0.0.1:9');
const CANARY = 'canary-83d1';
const FOLDER = mkdtempSync(join(tmpdir(), 'gateway-process-'));

afterEach(closeGateways);
afterAll(() => rmSync(FOLDER, { recursive: true }));

/** Makes a process print its CPU time when it exits. */
const PRINT_WORK = `
  import { writeSync } from 'node:fs';
  process.on('exit', () => {
    const { user, system } = process.cpuUsage();
    writeSync(1, 'worked ' + Math.round((user + system) / 1000) + ' ms');
  });`;
// Ten times the documented 2 s, so that the speed of the machine does not matter.
const MAX_WORK_MS = 20_000;

/** The path of a world-readable file. */
function publicFile(name: string, text: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

/** With these, Apollo Server would report operations and the schema to Apollo. */
const APOLLO_REPORTS = {
  APOLLO_KEY: `service:graph:${CANARY}`,
  APOLLO_GRAPH_REF: 'graph@current',
  APOLLO_SCHEMA_REPORTING: 'true',
};
const PRINT_FETCHES = `
  import { writeSync } from 'node:fs';
  globalThis.fetch = async url => {
    writeSync(2, 'fetched ' + url);
    return Response.json({});
  };`;

describe('a gateway with an invalid configuration', () => {
  it('reports all problems at once on stderr, without values, and exits with 78', async () => {
    const environment = {
      PORT: CANARY,
      HOST: `${CANARY}/`,
      DLI_ENDPOINT: `http://${CANARY}.example`,
      OPERATION_TIMEOUT_MS: CANARY,
      HUAWEICLOUD_SDK_AK: `${CANARY} `,
      IAM_PASSWORD: CANARY,
    };
    const gateway = startGatewayProcess(environment, { preload: PRINT_WORK });
    expect(await gateway.end()).toBe(78);
    const [, workedMs] = /^worked (\d+) ms$/.exec(gateway.stdout()) ?? [];
    expect(Number(workedMs)).toBeLessThan(MAX_WORK_MS);
    expect(gateway.stderr()).toBe(
      [
        'The gateway cannot start. Invalid configuration:',
        '  HOST must be a host name or an IP address',
        '  PORT must be a port number from 0 to 65535',
        '  DLI_REGION is required, for example cn-north-4',
        '  DLI_ENDPOINT must use https; http is accepted for loopback addresses only',
        '  HUAWEICLOUD_SDK_AK must be printable ASCII without spaces',
        '  OPERATION_TIMEOUT_MS must be a whole number of milliseconds from 1000 to 120000',
        '  CALLER_AUTH must be set explicitly: jwt or none',
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
  ])('reports %s by its name, without its value (%#)', (key, changes) => {
    const environment = { ...ENVIRONMENT, ...changes };
    expect(refusalOf(environment).problems.map(problem => problem.key)).toContain(key);
    expect(printedRefusal(environment)).not.toContain(CANARY);
  });
});

it('a gateway that another system call keeps from starting does not name its port', async () => {
  const preload = `process.on('newListener', event => {
    if (event === 'uncaughtException') process.chdir('/dev/null');
  });`;
  const gateway = startGatewayProcess(ENVIRONMENT, { preload });
  expect(await gateway.end()).toBe(70);
  expect(gateway.stderr()).toMatch(/^The gateway cannot start because of a bug\.\nat .*chdir/s);
});

it('a gateway whose address is of another machine reports it and exits with 69', async () => {
  const gateway = startGatewayProcess({ ...ENVIRONMENT, ADMIN_HOST: '192.0.2.1', ADMIN_PORT: '8080' });
  expect(await gateway.end()).toBe(69);
  expect(gateway.stderr()).toMatch(
    /^The gateway cannot start: it cannot listen on 192\.0\.2\.1:8080 \(EADDRNOTAVAIL\)/,
  );
});

describe('a gateway whose port is in use', () => {
  it('reports it and exits with 69', async () => {
    const { port } = await listen(createServer());
    const gateway = startGatewayProcess({ ...ENVIRONMENT, PORT: String(port) });
    expect(await gateway.end()).toBe(69);
    expect(gateway.stderr()).toBe(
      `The gateway cannot start: it cannot listen on 127.0.0.1:${port} (EADDRINUSE). HOST, PORT, ADMIN_HOST and ADMIN_PORT say where it listens.\n`,
    );
  });

  it.each(['PORT', 'ADMIN_PORT'])('does not start if it is %s, and reports that port', async key => {
    const { port } = await listen(createServer());
    await expect(startGateway({ env: { [key]: String(port) } })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      address: '127.0.0.1',
      port,
    });
  });
});

describe('a gateway in production', () => {
  // It has handled all kinds of requests and has exited.
  let gateway: GatewayProcess;
  let explorer: string | undefined;
  let page: Response;
  let exitCode: unknown;

  beforeAll(async () => {
    const environment = { ...ENVIRONMENT, ...APOLLO_REPORTS, LOG_LEVEL: 'debug' };
    gateway = startGatewayProcess(environment, { preload: PRINT_FETCHES });
    const { graphqlUrl, adminUrl, ...others } = await gateway.addresses();
    explorer = others.explorer;
    await fetch(`${adminUrl}/readyz`);
    await sendGraphql(graphqlUrl, { query: '{ a\nlevel=fatal }' });
    await sendGraphql(graphqlUrl, 'not json\n{');
    page = await fetch(graphqlUrl, { headers: { accept: 'text/html' } });
    await page.text();
    const request = rawRequest('POST', '/graphql', '{"query":"{ __typename }"}', {
      'content-type': 'application/json',
    });
    const idle = await openRaw(graphqlUrl, request);
    await once(idle, 'data');
    const idleEnd = once(idle, 'end');
    gateway.signal('SIGTERM');
    await idleEnd;
    exitCode = await gateway.end();
  });

  it('closes idle connections when it is stopped, and exits with 0', () => {
    expect(exitCode).toBe(0);
  });

  it('writes nothing but JSON lines to stdout, and nothing to stderr', () => {
    expect(gateway.stderr()).toBe('');
    expect(gateway.logLines().map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^Server listening at /),
      'listening',
      ...Array(5).fill('request'),
      'stopping',
      'stopped',
    ]);
  });

  it("reports nothing to Apollo, whatever Apollo's own variables say", () => {
    expect(gateway.stderr()).not.toContain('fetched');
  });

  it('has no explorer unless one is configured', () => {
    expect(explorer).toBe('none');
    // A GET without a document.
    expect(page.status).toBe(400);
    expect(page.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('does not warn on loopback', () => {
    expect(gateway.stdout()).not.toContain('CALLER_AUTH');
  });
});

describe('a gateway with LOG_LEVEL=error', () => {
  let lines: string[];

  beforeAll(async () => {
    const environment = { ...ENVIRONMENT, HOST: '0.0.0.0', LOG_LEVEL: 'error', OIDC_ISUSER: CANARY };
    const gateway = startGatewayProcess(environment);
    await gateway.find(/CALLER_AUTH=none.*\n/);
    await gateway.find(/did you mean.*\n/);
    gateway.signal('SIGKILL');
    await gateway.end();
    lines = gateway.stdout().split('\n');
  });

  it('still warns when it is reachable by anonymous callers', () => {
    const line = lines.find(text => text.includes('CALLER_AUTH=none')) ?? '';
    expect(JSON.parse(line)).toMatchObject({
      level: 40,
      host: '0.0.0.0',
      msg: 'CALLER_AUTH=none: everyone who can reach this address can create and delete connections with your credentials',
    });
  });

  it('still warns about a misspelt variable, with the name and not the value', () => {
    const line = lines.find(text => text.includes('did you mean')) ?? '';
    expect(JSON.parse(line)).toMatchObject({
      level: 40,
      variable: 'OIDC_ISUSER',
      suggestion: 'OIDC_ISSUER',
      msg: 'OIDC_ISUSER is not a variable of the gateway; did you mean OIDC_ISSUER?',
    });
    expect(line).not.toContain(CANARY);
  });
});
