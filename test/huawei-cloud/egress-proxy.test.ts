import type { Duplex } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../src/emulator/emulator.js';
import { createEmulator } from '../../src/emulator/emulator.js';
import { isDirect } from '../../src/huawei-cloud/egress-proxy.js';
import { onCleanup } from '../helpers/clean-up.js';
import type { TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { IAM_USER } from '../helpers/iam-user.js';
import { closedPort } from '../helpers/listening-server.js';
import { attemptsIn } from '../helpers/log-lines.js';
import { codeIn, startTokenGateway } from '../helpers/token-gateway.js';
import { startTokenIssuer } from '../helpers/token-issuer.js';
import type { ConnectProxy, TlsFront } from './helpers/connect-proxy.js';
import { createCaFile, startConnectProxy, startTlsFront } from './helpers/connect-proxy.js';

const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const UNAVAILABLE = { __typename: 'DliUnavailableError', code: 'UPSTREAM_UNAVAILABLE' };
const READ = '{ datasourceConnections { items { id } } }';

let emulator: Emulator;
let emulatorUrl: string;
let front: TlsFront;
let proxy: ConnectProxy;

beforeAll(async () => {
  emulator = createEmulator();
  emulatorUrl = await emulator.listen();
  onCleanup(() => emulator.close());
  front = await startTlsFront(emulatorUrl);
  proxy = await startConnectProxy(front.port);
});
beforeEach(() => {
  emulator.reset();
  front.forget();
  proxy.requests.length = 0;
  proxy.faults.length = 0;
});
afterEach(closeGateways);

/** A gateway that reaches DLI and IAM, under names that only the proxy knows, with changes to its environment. */
function startProxiedGateway(changes: Record<string, string | undefined> = {}): Promise<TestGateway> {
  return startGateway({
    env: {
      DLI_ENDPOINT: 'https://dli.test',
      HUAWEICLOUD_SDK_IAM_ENDPOINT: 'https://iam.test',
      CA_FILE: createCaFile('hosts', 'valid'),
      HTTPS_PROXY: proxy.url,
      ...changes,
    },
  });
}

const answer = (text: string) => (client: Duplex) => void client.end(text);
const refuse = (status: number) => answer(`HTTP/1.1 ${status} Refused\r\ncontent-length: 2\r\n\r\nno`);
const creates = () => emulator.ledger.count('createConnection');
const read = async ({ send }: TestGateway) => (await send({ query: READ })).body;

describe('through a proxy', () => {
  it('creates and reads go through tunnels to the host and port of DLI', async () => {
    const gateway = await startProxiedGateway({ DLI_ENDPOINT: 'https://dli.test:8443' });
    expect(await gateway.create()).toMatchObject(SUCCESS);
    expect(await read(gateway)).toMatchObject({ data: { datasourceConnections: { items: [{}] } } });
    expect(proxy.requests.map(({ url, headers }) => [url, headers.host])).toEqual(
      proxy.requests.map(() => ['dli.test:8443', 'dli.test:8443']),
    );
    expect(front.decrypted()).toContain('host: dli.test:8443');
    expect(creates()).toBe(1);
  });

  it('with an encrypted connection to the proxy, DLI is reached the same way', async () => {
    const encrypted = await startConnectProxy(front.port, { isEncrypted: true });
    const gateway = await startProxiedGateway({ HTTPS_PROXY: encrypted.url });
    expect(await gateway.create()).toMatchObject(SUCCESS);
    expect(encrypted.requests.map(({ url }) => url)).toEqual(['dli.test:443']);
  });

  it('creates are sent only if its certificate is from a trusted authority', async () => {
    const encrypted = await startConnectProxy(front.port, { isEncrypted: true });
    const gateway = await startProxiedGateway({ HTTPS_PROXY: encrypted.url, CA_FILE: createCaFile('hosts') });
    expect(await gateway.create()).toMatchObject(UNAVAILABLE);
    expect(encrypted.requests).toEqual([]);
    expect(attemptsIn(gateway.log())[0]).toMatchObject({
      errorType: 'PROXY_FAILED',
      causeCode: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      mayHaveBeenSent: false,
    });
  });

  it('requests carry the decoded user and password, which nobody but the proxy gets', async () => {
    const { host } = new URL(proxy.url);
    const gateway = await startProxiedGateway({ HTTPS_PROXY: `http://proxy%20user:p%C3%A4ssword%40%3A%2F@${host}` });
    expect(await gateway.create()).toMatchObject(SUCCESS);
    const [, encoded = ''] = proxy.requests[0]?.headers['proxy-authorization']?.split(' ') ?? [];
    expect(Buffer.from(encoded, 'base64').toString()).toBe('proxy user:pässword@:/');
    expect(front.decrypted()).toContain('POST ');
    expect(front.decrypted()).not.toMatch(/proxy/i);
    expect(front.decrypted()).not.toContain(encoded);
  });

  it('IAM tokens are requested', async () => {
    const gateway = await startProxiedGateway(IAM_USER);
    expect(await gateway.create()).toMatchObject(SUCCESS);
    expect(proxy.requests.map(({ url }) => url)).toEqual(['iam.test:443', 'dli.test:443']);
  });

  it('the keys of the issuer are fetched', async () => {
    const issuer = await startTokenIssuer();
    const keys = await startConnectProxy((await startTlsFront(issuer.url)).port);
    const env = { OIDC_JWKS_URI: 'https://issuer.test/keys', HTTPS_PROXY: keys.url, CA_FILE: createCaFile('hosts') };
    const gateway = await startTokenGateway(env, { issuer });
    keys.faults.push(refuse(403));
    expect(codeIn(await gateway.createAs(await issuer.sign()))).toBe('AUTH_UNAVAILABLE');
    expect(gateway.log()).toContain('the proxy opens no tunnel to the issuer (HTTP_403)');
    gateway.clock.advance(30_000);
    expect(codeIn(await gateway.createAs(await issuer.sign()))).toBe(SUCCESS.__typename);
    expect(keys.requests.map(({ url }) => url)).toEqual(['issuer.test:443', 'issuer.test:443']);
  });

  it('the log says why IAM cannot be reached', async () => {
    proxy.faults.push(refuse(407));
    const gateway = await startProxiedGateway(IAM_USER);
    expect(await gateway.create()).toMatchObject({ code: 'UPSTREAM_AUTH_UNAVAILABLE' });
    expect(gateway.log()).toContain('IAM did not respond (PROXY_REFUSED, HTTP_407).');
  });

  it('that intercepts, no byte of the request is sent to a host', async () => {
    const interceptor = await startTlsFront(emulatorUrl, 'interceptor');
    const intercepting = await startConnectProxy(interceptor.port);
    const gateway = await startProxiedGateway({ HTTPS_PROXY: intercepting.url });
    expect(await gateway.create()).toMatchObject(UNAVAILABLE);
    expect(intercepting.requests).toHaveLength(1);
    expect(interceptor.decrypted()).toBe('');
    expect(attemptsIn(gateway.log())).toMatchObject([
      { errorType: 'TLS', causeCode: 'DEPTH_ZERO_SELF_SIGNED_CERT', mayHaveBeenSent: false },
    ]);
  });

  it('that intercepts, a host is accepted if CA_FILE contains the authority of the proxy', async () => {
    const interceptor = await startTlsFront(emulatorUrl, 'interceptor');
    const intercepting = await startConnectProxy(interceptor.port);
    const env = { HTTPS_PROXY: intercepting.url, CA_FILE: createCaFile('interceptor') };
    expect(await (await startProxiedGateway(env)).create()).toMatchObject(SUCCESS);
  });
});

describe('a create for which the proxy opens no tunnel', () => {
  it.each<[what: string, fault: (client: Duplex) => void, errorType: string, causeCode: string]>([
    ['asks for a password', refuse(407), 'PROXY_REFUSED', 'HTTP_407'],
    ['forbids it', refuse(403), 'PROXY_REFUSED', 'HTTP_403'],
    ['cannot reach DLI', refuse(502), 'PROXY_FAILED', 'HTTP_502'],
    ['redirects', refuse(302), 'PROXY_FAILED', 'HTTP_302'],
    ['answers with a bare 100', answer('HTTP/1.1 100 Continue\r\n\r\n'), 'PROXY_FAILED', 'HTTP_100'],
    ['answers with something other than HTTP', answer('SSH-2.0-x\r\n'), 'PROXY_FAILED', 'HPE_INVALID_CONSTANT'],
    ['closes the connection', client => client.end(), 'PROXY_FAILED', 'ECONNRESET'],
    ['resets the connection', client => client.destroy(), 'PROXY_FAILED', 'ECONNRESET'],
    ['speaks for the host', answer('HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 201 Created\r\n\r\n'), 'PROXY_FAILED', 'HTTP_200'],
    ['closes the tunnel at once', answer('HTTP/1.1 200 OK\r\n\r\n'), 'PROXY_FAILED', 'ECONNRESET'],
  ])('because it %s was not sent', async (_what, fault, errorType, causeCode) => {
    const isRetried = errorType === 'PROXY_FAILED';
    proxy.faults.push(fault, fault);
    const gateway = await startProxiedGateway();
    expect(await gateway.create()).toMatchObject({ ...UNAVAILABLE, retryAfterSeconds: 5 });
    const attempt = { errorType, causeCode, mayHaveBeenSent: false };
    expect(attemptsIn(gateway.log())).toMatchObject(isRetried ? [attempt, attempt] : [attempt]);
    expect(proxy.requests).toHaveLength(isRetried ? 2 : 1);
    expect(creates()).toBe(0);
    // The same key can be used once the proxy works.
    proxy.faults.length = 0;
    expect(await gateway.create()).toMatchObject(SUCCESS);
    expect(creates()).toBe(1);
    expect(gateway.log()).not.toContain(new URL(proxy.url).host);
  });

  // At once, because each of them lasts until the timeout of a connection.
  it('because it never answers, or opens a tunnel to a host that never answers, was not sent', async () => {
    const rows: [fault: (client: Duplex) => void, causeCode: string][] = [
      [() => undefined, 'PROXY_TIMEOUT'],
      [client => client.write('HTTP/1.1 200 OK\r\n\r\n'), 'UND_ERR_CONNECT_TIMEOUT'],
    ];
    const started = await Promise.all(
      rows.map(async ([fault, causeCode]) => {
        const ownProxy = await startConnectProxy(front.port);
        ownProxy.faults.push(fault, fault);
        return { ownProxy, causeCode, gateway: await startProxiedGateway({ HTTPS_PROXY: ownProxy.url }) };
      }),
    );
    const ended = await Promise.all(
      started.map(async ({ ownProxy, causeCode, gateway }) => ({
        payload: await gateway.create({ name: causeCode }),
        attempts: attemptsIn(gateway.log()),
        tunnels: ownProxy.requests.length,
      })),
    );
    expect(ended).toMatchObject(
      rows.map(([, causeCode]) => ({
        payload: { ...UNAVAILABLE, retryAfterSeconds: 5 },
        attempts: [{ errorType: 'CONNECT_TIMEOUT', causeCode, mayHaveBeenSent: false }],
        tunnels: 1,
      })),
    );
    expect(creates()).toBe(0);
    for (const { ownProxy, causeCode, gateway } of started) {
      ownProxy.faults.length = 0;
      expect(await gateway.create({ name: causeCode })).toMatchObject(SUCCESS);
      expect(gateway.log()).not.toContain(new URL(ownProxy.url).host);
    }
    expect(creates()).toBe(2);
  });

  it('is sent when the second attempt succeeds', async () => {
    proxy.faults.push(refuse(503));
    const gateway = await startProxiedGateway();
    expect(await gateway.create()).toMatchObject(SUCCESS);
    expect(proxy.requests).toHaveLength(2);
    expect(creates()).toBe(1);
  });

  it('because the proxy cannot be reached was not sent', async () => {
    const gateway = await startProxiedGateway({ HTTPS_PROXY: `http://127.0.0.1:${await closedPort()}` });
    expect(await gateway.create()).toMatchObject(UNAVAILABLE);
    expect(attemptsIn(gateway.log())[0]).toMatchObject({ errorType: 'PROXY_FAILED', causeCode: 'ECONNREFUSED' });
    expect(creates()).toBe(0);
  });

  it('opens the circuit breaker, as when DLI is unreachable', async () => {
    proxy.faults.push(...Array.from({ length: 10 }, () => refuse(403)));
    const gateway = await startProxiedGateway();
    for (let count = 0; count < 6; count += 1) await gateway.create({ name: `c${count}` });
    expect(proxy.requests).toHaveLength(5);
    expect(gateway.log()).toContain('BREAKER_OPENED');
  });
});

describe('a create whose tunnel breaks', () => {
  it('after it was sent has an unknown outcome and is not sent again', async () => {
    const gateway = await startProxiedGateway({ OPERATION_TIMEOUT_MS: '5000' });
    emulator.inject({ operation: 'createConnection', behaviour: 'hang' });
    const payload = gateway.create();
    await emulator.ledger.waitFor('createConnection', 1);
    proxy.reset();
    expect(await payload).toMatchObject({ __typename: 'OutcomeUnknownError', reason: 'CONNECTION_LOST' });
    expect(creates()).toBe(1);
    expect(attemptsIn(gateway.log())).toMatchObject([{ errorType: 'CONNECTION_LOST', mayHaveBeenSent: true }]);
  });
});

describe('a read for which the proxy opens no tunnel', () => {
  it('is tried again', async () => {
    proxy.faults.push(refuse(502));
    expect(await read(await startProxiedGateway())).toMatchObject({ data: { datasourceConnections: { items: [] } } });
  });

  it('fails if the proxy refuses', async () => {
    proxy.faults.push(refuse(403), refuse(403), refuse(403), refuse(403));
    const gateway = await startProxiedGateway();
    expect(await read(gateway)).toMatchObject({ errors: [{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }] });
    expect(gateway.log()).toMatch(/"causeCode":"HTTP_403","errorType":"PROXY_REFUSED"/);
  });
});

describe('a host', () => {
  it('listed in NO_PROXY is reached directly', async () => {
    const gateway = await startProxiedGateway({ NO_PROXY: 'example.com, .test' });
    expect(await gateway.create()).toMatchObject(UNAVAILABLE);
    expect(proxy.requests).toEqual([]);
  });

  it('is reached directly if only HTTP_PROXY is set', async () => {
    const gateway = await startGateway({ env: { HTTP_PROXY: proxy.url } });
    expect(await gateway.create()).toMatchObject(SUCCESS);
    expect(proxy.requests).toEqual([]);
  });

  it('on loopback is reached directly', async () => {
    const gateway = await startGateway({ env: { HTTPS_PROXY: proxy.url } });
    expect(await gateway.create()).toMatchObject(SUCCESS);
    expect(proxy.requests).toEqual([]);
  });

  it.each<[isExempt: boolean, host: string, noProxy: string]>([
    [true, 'dli.test', 'dli.test'],
    [true, 'DLI.test.', 'dli.TEST.'],
    [true, 'dli.test', 'test'],
    [true, 'dli.test', '.test'],
    [true, 'dli.test', '*.test'],
    [true, 'test', '.test'],
    [true, 'dli.test', 'other.test dli.test'],
    [true, 'dli.test', 'dli.test:443'],
    [true, 'dli.test', '*'],
    [true, '10.1.2.3', '10.1.2.3'],
    [true, '10.1.2.3', '10.1.0.0/16'],
    [true, 'fd00::1', '[fd00::1]'],
    [true, 'fd00::1', '[fd00::1]:443'],
    [true, 'fd00::1', 'fd00::/8'],
    [true, '127.0.0.1', ''],
    [true, '::1', ''],
    [true, 'localhost', ''],
    [false, 'dli.test', ''],
    [false, 'dli.test', 'li.test'],
    [false, 'dli.test', 'a.dli.test'],
    [false, 'dli.test', 'dli.test:8443'],
    [false, 'dli.test', '.'],
    [false, 'dli.test', 'd*.test'],
    [false, 'dli.test', '10.0.0.0/8'],
    [false, '10.1.2.3', '2.3'],
    [false, '10.1.2.3', '10.2.0.0/16'],
    [false, '10.1.2.3', '10.1.0.0/99'],
    [false, 'fd00::1', 'fe80::/10'],
  ])('is reached directly: %s for %s with NO_PROXY=%s', (isExempt, host, noProxy) => {
    expect(isDirect(host, '443', noProxy.split(/[, ]+/).filter(Boolean))).toBe(isExempt);
  });
});
