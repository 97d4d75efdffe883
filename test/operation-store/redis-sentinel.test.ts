import { beforeAll, expect, it } from '@jest/globals';
import { connect, eventually, openClient, startReplicated } from '../helpers/redis-access.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { BEGUN, makeRecord } from './helpers/operation-store-contract.js';
import type { HealthLine } from './helpers/store-health.js';
import { createStoreHealth } from './helpers/store-health.js';

const NOW_MS = Date.now();
const BEGUN_AFTER_LOSS = { kind: 'begun', hasLostRecords: true };

describeWithProgram('redis-server', 'RedisStore with Sentinels', program => {
  type Replicated = Awaited<ReturnType<typeof startReplicated>>;
  let failing: Replicated;
  /** No test changes it. */
  let withPassword: Replicated;

  // Replication and Sentinels take seconds to start, but little CPU.
  beforeAll(async () => {
    [failing, withPassword] = await Promise.all([
      startReplicated(program),
      startReplicated(program, ['requirepass of-sentinels']),
    ]);
  });

  it('finds the master, follows a failover to the new one, and reports a loss', async () => {
    const { master, replica, failOver, url } = failing;
    const lines: HealthLine[] = [];
    const store = await connect(url, createStoreHealth(lines));
    const secret = await store.secret();
    const record = makeRecord();
    await expect(store.begin(record, NOW_MS)).resolves.toEqual(BEGUN);
    await openClient(master.url).wait(1, 60_000);

    await failOver();
    await expect(eventually(() => store.begin(makeRecord(), NOW_MS))).resolves.toEqual(BEGUN_AFTER_LOSS);
    await expect(store.find(record.id, NOW_MS)).resolves.toEqual({ kind: 'found', record });
    await expect(store.secret()).resolves.toEqual(secret);
    expect(await openClient(replica.url).dbsize()).toBeGreaterThan(0);
    await expect((await connect(url)).secret()).resolves.toEqual(secret);
    expect(JSON.stringify(lines)).not.toMatch(/127\.0\.0\.1|\{once\}/);
  });

  it('signs in to Sentinels with a password', async () => {
    const { url } = withPassword;
    const store = await connect(url, undefined, undefined, { sentinelPassword: 'of-sentinels' });
    await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
  });

  it('names the reason when the Sentinels do not answer: a wrong password, or another name', async () => {
    const table = [
      { sentinelPassword: 'wrong', url: withPassword.url, reason: /Sentinels refuse the password/ },
      { sentinelPassword: 'of-sentinels', url: withPassword.url.replace('#main', '#other'), reason: /do not know/ },
    ];
    // Each connection attempt takes seconds.
    const results = await Promise.all(
      table.map(async ({ sentinelPassword, url, reason }) => {
        const lines: HealthLine[] = [];
        const store = await connect(url, createStoreHealth(lines), undefined, { sentinelPassword });
        await eventually(async () => expect(lines[0]?.msg).toMatch(reason));
        await expect(store.begin(makeRecord(), NOW_MS)).rejects.toMatchObject({ mayHaveWritten: false });
        return lines.map(({ msg }) => msg);
      }),
    );
    expect(results).toEqual(table.map(({ reason }) => [expect.stringMatching(reason)]));
  });
});
