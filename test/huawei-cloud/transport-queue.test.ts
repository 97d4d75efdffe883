import { afterEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../src/emulator/emulator.js';
import type { Clock } from '../../src/lib/time.js';
import type { Payload } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { proofSize } from '../helpers/proof-size.js';

afterEach(closeGateways);

/** Creates that may wait for a connection; the gateway's own limit is 500. */
const QUEUED = proofSize(50, 500);
/** As many after one has waited in vain. */
const QUEUED_IN_A_STALL = QUEUED / 5;
const WAITING = proofSize(40, 60);
const SUCCESS = { __typename: 'CreateDatasourceConnectionSuccess' };
const UNAVAILABLE = {
  __typename: 'DliUnavailableError',
  code: 'UPSTREAM_UNAVAILABLE',
  message: 'DLI cannot be used at the moment. Nothing was created; try again later.',
};

/** Starts a gateway whose creates DLI executes at once and responds to when they are released. */
async function startHeld(clock?: Clock) {
  const { url, emulator, connections, release } = await startHeldUpstream();
  const env = {
    DLI_ENDPOINT: url,
    // The project lookup proves the credential, so that no create is a probe.
    HUAWEICLOUD_SDK_PROJECT_ID: undefined,
    // On a busy machine, too, those in flight stay there until the queued ones have timed out.
    OPERATION_TIMEOUT_MS: '120000',
  };
  const { create, log } = await startGateway({
    env,
    limits: { queuedCreates: QUEUED },
    ...(clock !== undefined && { clock }),
  });
  function createMany(count: number, prefix: string): Promise<Payload>[] {
    return Array.from({ length: count }, (_, index) => create({ name: `${prefix}_${index}` }));
  }
  return { emulator, connections, release, createMany, log };
}

/** Number of connections that carried a request. */
function usedConnections({ ledger }: Emulator): number {
  return new Set(ledger.entries().map(({ remotePort }) => remotePort)).size;
}

describe('while 50 creates are in flight', () => {
  it('500 more are queued, and the 551st is refused immediately', async () => {
    // The clock stands still, so that no create times out in the queue.
    const { emulator, connections, release, createMany } = await startHeld(createManualClock());
    const answered: Payload[] = [];
    const creates = createMany(51 + QUEUED, 'connection').map(async create => {
      const payload = await create;
      answered.push(payload);
      return payload;
    });
    expect(await Promise.race(creates)).toEqual({ ...UNAVAILABLE, retryAfterSeconds: 1 });
    await emulator.ledger.waitFor('createConnection', 50);
    expect([answered.length, emulator.ledger.count(), connections()]).toEqual([1, 50, 50]);
    release();
    const payloads = await Promise.all(creates);
    const created = payloads.filter(({ __typename }) => __typename === 'CreateDatasourceConnectionSuccess');
    expect([created.length, emulator.ledger.count()]).toEqual([50 + QUEUED, 50 + QUEUED]);
    expect(connections()).toBe(usedConnections(emulator));
  });

  it('queued creates time out after 5 s, are never sent, and occupy neither a permit nor a connection', async () => {
    const { emulator, connections, release, createMany, log } = await startHeld();
    const sent = createMany(50, 'sent');
    await emulator.ledger.waitFor('createConnection', 50);
    const startedMs = performance.now();
    const firstGaveUpMs = Promise.race(createMany(1, 'first')).then(() => performance.now() - startedMs);
    const waited = await Promise.all(createMany(WAITING, 'waited'));
    expect(waited).toEqual(Array(WAITING).fill({ ...UNAVAILABLE, retryAfterSeconds: 5 }));
    expect(await firstGaveUpMs).toBeGreaterThan(4_900);

    // The connections are still in use, so that few may wait for one now.
    const stalled = createMany(QUEUED_IN_A_STALL + 1, 'stalled');
    expect(await Promise.race(stalled)).toEqual({ ...UNAVAILABLE, retryAfterSeconds: 1 });
    release();
    const afterStall = (await Promise.all(stalled)).map(({ __typename }) => __typename).sort();
    expect(afterStall).toEqual([...Array(QUEUED_IN_A_STALL).fill(SUCCESS.__typename), UNAVAILABLE.__typename]);
    expect(await Promise.all(sent)).toEqual(Array(50).fill(expect.objectContaining(SUCCESS)));
    const later = await Promise.all(createMany(50, 'later'));
    expect(later).toEqual(Array(50).fill(expect.objectContaining(SUCCESS)));
    const names = emulator.connections().map(({ name }) => name.replace(/_\d+$/, ''));
    expect(new Set(names)).toEqual(new Set(['sent', 'stalled', 'later']));
    expect(emulator.ledger.count()).toBe(100 + QUEUED_IN_A_STALL);
    expect(connections()).toBe(usedConnections(emulator));
    expect(log().match(/"mayHaveBeenSent":false/g)).toHaveLength(1 + WAITING + 1);
  });
});
