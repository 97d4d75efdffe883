import type { TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { listen } from '../helpers/listening-server.js';
import { tlsFixture } from '../helpers/tls-fixture.js';

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
