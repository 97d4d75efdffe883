import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { closedPort, listen } from '../helpers/listening-server.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/healthcheck.sh', import.meta.url));

afterEach(closeGateways);

/** Runs the health check of the image; returns its exit code. */
async function check(args: readonly unknown[], env: Record<string, string> = {}): Promise<unknown> {
  const child = spawn('bash', [SCRIPT, ...args.map(String)], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: 'ignore',
  });
  onCleanup(() => child.kill('SIGKILL'));
  const [code] = await once(child, 'exit');
  return code;
}

/** A server that sends the same bytes to every client, and then keeps the connection open. */
async function listenWith(text: string): Promise<number> {
  const server = createServer(socket => {
    if (text !== '') socket.write(text);
  });
  return (await listen(server)).port;
}

describe('the health check of the image', () => {
  it('succeeds while the gateway runs, and fails after it has ended', async () => {
    const gateway = await startGateway();
    const { port } = new URL(gateway.adminUrl);
    expect(await check([port])).toBe(0);
    expect(await check([], { ADMIN_PORT: port, ADMIN_HOST: '0.0.0.0' })).toBe(0);
    expect(await check([port, '/readyz'])).toBe(0);
    expect(await check([port, '/nothing'])).toBe(1);
    await gateway.close();
    expect(await check([port])).toBe(1);
  });

  it('succeeds for an emulator', async () => {
    const emulator = createEmulator();
    onCleanup(() => emulator.close());
    const { port } = new URL(await emulator.listen());
    expect(await check([port, '/emulator/health'])).toBe(0);
  });

  it('fails when nothing listens', async () => {
    expect(await check([await closedPort()])).toBe(1);
  });

  it.each(['HTTP/1.1 503 Service Unavailable', 'HTTP/1.1 2000 OK', 'HTTP/1.1 20', 'nonsense'])(
    'fails after %s',
    async line => {
      expect(await check([await listenWith(`${line}\r\n\r\n`)])).toBe(1);
    },
  );

  it('needs no more than the status line', async () => {
    expect(await check([await listenWith('HTTP/1.1 200 OK\r\n')])).toBe(0);
  });

  it('fails, rather than waiting, when no response arrives', async () => {
    // The exit code of `timeout`.
    expect(await check([await listenWith('')])).toBe(124);
  });
});
