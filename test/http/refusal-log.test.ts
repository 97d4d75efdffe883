import { afterEach, describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { exchange } from '../helpers/raw-connection.js';
import { closeSubscribers, openSocket } from '../helpers/subscribers.js';
import { bearer, startTokenGateway } from '../helpers/token-gateway.js';

const MAX_LINES = 20;
const MORE = 3;
const MANY = Array.from({ length: MAX_LINES + MORE });

afterEach(closeSubscribers);

/** The parsed log lines with this message. */
function linesWith(gateway: TestGateway, message: string): Record<string, unknown>[] {
  return gateway
    .log()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .filter(({ msg }) => msg === message);
}

describe('the log of refused requests', () => {
  it('has 20 lines of each kind of request without a valid token, and then their number', async () => {
    const gateway = await startTokenGateway();
    for (const _ of MANY) {
      expect((await gateway.ask(undefined)).status).toBe(401);
      expect((await fetch(new URL('/nothing', gateway.graphqlUrl))).status).toBe(404);
      expect(await exchange(gateway.graphqlUrl, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    }
    // Refusals for different reasons are of different kinds.
    const expired = await gateway.sign({ claims: { exp: 1 } });
    expect((await gateway.ask(expired)).status).toBe(401);
    await gateway.close();

    const requests = linesWith(gateway, 'request');
    for (const status of [401, 404, 400])
      expect(requests.filter(line => line['status'] === status)).toHaveLength(MAX_LINES);
    expect(gateway.audit().filter(({ msg }) => msg === 'audit')).toHaveLength(MAX_LINES + 1);
    expect(linesWith(gateway, 'refused requests not logged')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ channel: 'audit', code: 'UNAUTHENTICATED', reason: 'no token', count: MORE }),
        expect.objectContaining({ level: 30, status: 401, count: MORE + 1 }),
        expect.objectContaining({ level: 30, status: 404, count: MORE }),
        expect.objectContaining({ level: 30, status: 400, count: MORE }),
      ]),
    );
  });

  it('has as few lines about WebSockets', async () => {
    const gateway = await startTokenGateway();
    for (const _ of MANY) {
      const { sendMessage, closed } = await openSocket(gateway.graphqlUrl);
      sendMessage({ type: 'connection_init' });
      expect(await closed).toMatchObject({ code: 4401 });
    }
    await gateway.close();
    expect(gateway.audit()).toHaveLength(MAX_LINES + 1);
    expect(gateway.audit().at(-1)).toMatchObject({ reason: 'no token', count: MORE });
  });

  it('starts over after a minute', async () => {
    const gateway = await startTokenGateway({}, { limits: { logWindowMs: 100 } });
    let lines = 0;
    while (lines <= MAX_LINES) {
      await gateway.ask(undefined);
      lines = gateway.audit().filter(({ msg }) => msg === 'audit').length;
    }
    expect(lines).toBeGreaterThan(MAX_LINES);
  });

  it('has every request and every mutation with a valid token', async () => {
    const gateway = await startTokenGateway();
    const token = await gateway.sign();
    for (const _ of MANY) {
      await gateway.createAs(token, { name: 'not a name' });
      expect((await gateway.send('{', bearer(token))).status).toBe(400);
    }
    expect(gateway.audit()).toHaveLength(MANY.length);
    expect(linesWith(gateway, 'request').filter(({ status }) => status === 400)).toHaveLength(MANY.length);
  });
});
