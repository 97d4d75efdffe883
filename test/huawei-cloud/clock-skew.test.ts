import { afterEach, describe, expect, it } from '@jest/globals';
import { createTestClock } from '../helpers/clock.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';

afterEach(closeGateways);

const MINUTE_MS = 60_000;

function dateIn(ms: number): { date: string } {
  return { date: new Date(Date.now() + ms).toUTCString() };
}

describe('a clock skew between the gateway and DLI', () => {
  it.each([6, -6])('of %i minutes makes the gateway unready until it was last observed a minute ago', async minutes => {
    const clock = createTestClock();
    const { create, emulator, adminUrl } = await startGateway({ clock });
    emulator.inject({ operation: 'createConnection', headers: dateIn(minutes * MINUTE_MS) });
    await create();
    expect(await (await fetch(`${adminUrl}/readyz`)).json()).toEqual({ status: 'clockSkew' });
    clock.advance(MINUTE_MS + 1);
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200);
  });

  it('of 4 minutes leaves the gateway ready', async () => {
    const { create, emulator, adminUrl } = await startGateway();
    emulator.inject({ operation: 'createConnection', headers: dateIn(4 * MINUTE_MS) });
    await create();
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200);
  });

  it.each([2, -2])('of %i minutes does not hide a lost create', async minutes => {
    const { create, emulator } = await startGateway({
      emulator: { now: () => Date.now() + minutes * MINUTE_MS },
    });
    emulator.inject({ operation: 'createConnection', behaviour: 'reset', apply: true });
    emulator.inject({ operation: 'listConnections', headers: dateIn(minutes * MINUTE_MS), times: 0 });
    expect(await create()).toMatchObject({
      __typename: 'CreateDatasourceConnectionSuccess',
      connectionId: emulator.connections()[0]?.connectionId,
      reconciled: true,
    });
  });
});
