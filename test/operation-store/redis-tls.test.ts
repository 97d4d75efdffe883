import type { TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { closedPort, listen } from '../helpers/listening-server.js';
import { startRedisServer, startSentinel } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { TEST_CERTIFICATE_PATH, TEST_KEY_PATH, tlsFixture } from '../helpers/tls-fixture.js';

const VARIABLE = 'NODE_TLS_REJECT_UNAUTHORIZED';

afterEach(async () => {
  delete process.env[VARIABLE];
  await closeGateways();
});

describe('a Redis with an untrusted TLS certificate', () => {
  it.each([undefined, '0'])('receives nothing from the gateway, with NODE_TLS_REJECT_UNAUTHORIZED=%s', async value => {
    if (value !== undefined) process.env[VARIABLE] = value;
    const decrypted: string[] = [];
    const server = createServer(tlsFixture(), (socket: TLSSocket) => {
      socket.on('data', chunk => decrypted.push(String(chunk)));
    });
    const { host, connections } = await listen(server);
    const gateway = await startGateway({ env: { REDIS_URL: `rediss://user:canary-password@${host}` } });

    expect(await gateway.create()).toMatchObject({ code: 'IDEMPOTENCY_STORE_UNAVAILABLE' });
    expect(connections().length).toBeGreaterThan(0);
    expect(decrypted).toEqual([]);
    expect(gateway.log()).not.toContain('canary');
  });
});

describeWithProgram('redis-server', 'a Redis whose certificate is from a private CA', program => {
  const files = ['--tls-cert-file', TEST_CERTIFICATE_PATH, '--tls-key-file', TEST_KEY_PATH];
  const settings = [...files, '--tls-ca-cert-file', TEST_CERTIFICATE_PATH, '--tls-auth-clients', 'no'];

  async function startEncrypted() {
    const port = await closedPort();
    const redis = await startRedisServer(program, {
      arguments: [...settings, '--port', '0', '--tls-port', String(port)],
    });
    return { ...redis, port, url: `rediss://127.0.0.1:${port}` };
  }

  it('is used with REDIS_CA_FILE, and not without', async () => {
    const { url } = await startEncrypted();
    const trusting = await startGateway({ env: { REDIS_URL: url, REDIS_CA_FILE: TEST_CERTIFICATE_PATH } });
    const other = await startGateway({ env: { REDIS_URL: url } });

    expect(await trusting.create()).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
    expect(await other.create()).toMatchObject({ code: 'IDEMPOTENCY_STORE_UNAVAILABLE' });
    expect(other.log()).toContain('there is no connection to Redis (DEPTH_ZERO_SELF_SIGNED_CERT)');
  });

  it('is found through Sentinels with such a certificate', async () => {
    const { port } = await startEncrypted();
    const sentinel = await startSentinel(program, port, [
      ...settings
        .join(' ')
        .split(' --')
        .map(line => line.replace(/^--/, '')),
      'tls-replication yes',
      'port 0',
      'tls-port SENTINEL_PORT',
    ]);
    const env = {
      REDIS_URL: `rediss-sentinel://127.0.0.1:${sentinel.port}#main`,
      REDIS_CA_FILE: TEST_CERTIFICATE_PATH,
    };
    const gateway = await startGateway({ env });
    expect(await gateway.create()).toMatchObject({ __typename: 'CreateDatasourceConnectionSuccess' });
  });
});
