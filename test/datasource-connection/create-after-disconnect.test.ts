import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { CREATE_MUTATION, closeGateways, startGateway, VALID_INPUT } from '../helpers/gateway.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { openRaw, rawRequest } from '../helpers/raw-connection.js';

afterEach(closeGateways);

const CREATE = rawRequest(
  'POST',
  '/graphql',
  JSON.stringify({ query: CREATE_MUTATION, variables: { input: VALID_INPUT } }),
  { 'content-type': 'application/json' },
);

/** A gateway during a create that DLI has executed but not answered yet, and the caller's connection. */
async function startBusy() {
  const { url, emulator, release } = await startHeldUpstream();
  const gateway = await startGateway({ env: { DLI_ENDPOINT: url } });
  const caller = await openRaw(gateway.graphqlUrl, CREATE);
  await emulator.ledger.waitFor('createConnection', 1);
  return { gateway, caller, emulator, release };
}

async function leave(caller: Socket): Promise<void> {
  caller.destroy();
  await once(caller, 'close');
}

/** Starts closing, and gives the gateway enough turns of the event loop to end prematurely. */
async function beginToClose({ close, adminUrl }: TestGateway, events: string[]) {
  const closed = close().then(() => events.push('closed'));
  for (let turn = 0; turn < 10; turn += 1) expect((await fetch(`${adminUrl}/livez`)).status).toBe(200);
  return { closed };
}

/** The log lines of creates that were sent to DLI. */
function attempts({ log }: TestGateway): unknown[] {
  const lines = log().trimEnd().split('\n');
  return lines.map(line => JSON.parse(line)).filter(({ operation }) => operation === 'createConnection');
}

describe('a create whose caller has disconnected', () => {
  it.each(['before', 'after'])(
    'is finished by a stopping gateway and logged as created: disconnected %s the stop',
    async when => {
      const { gateway, caller, emulator, release } = await startBusy();
      const events: string[] = [];
      if (when === 'before') await leave(caller);
      const { closed } = await beginToClose(gateway, events);
      if (when === 'after') await leave(caller);
      expect((await fetch(`${gateway.adminUrl}/readyz`)).status).toBe(503);
      events.push('DLI answers');
      release();
      await closed;
      expect(events).toEqual(['DLI answers', 'closed']);
      expect(attempts(gateway)).toEqual([
        expect.objectContaining({
          level: 30,
          msg: 'upstream',
          operation: 'createConnection',
          outcome: 'created',
          status: 201,
        }),
      ]);
      expect(gateway.log()).not.toContain('CONNECTION_LOST');
      expect(emulator.connections()).toMatchObject([{ name: 'orders_pg' }]);
    },
  );

  it('ends by its own deadline when DLI never answers', async () => {
    const clock = createManualClock();
    const gateway = await startGateway({ clock, env: { OPERATION_TIMEOUT_MS: '1000' } });
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'hang' });
    const caller = await openRaw(gateway.graphqlUrl, CREATE);
    await gateway.emulator.ledger.waitFor('createConnection', 1);
    await leave(caller);
    const events: string[] = [];
    const { closed } = await beginToClose(gateway, events);
    events.push('deadline');
    clock.advance(1_000);
    await closed;
    expect(events).toEqual(['deadline', 'closed']);
    expect(attempts(gateway)).toMatchObject([{ outcome: 'TIMEOUT_AFTER_SEND', mayHaveBeenSent: true }]);
  });
});
