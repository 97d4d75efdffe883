import { describe, expect, it } from '@jest/globals';
import type { HostPage, HostPageRequest } from '../../src/connection-reads/connection-details.js';
import { ConnectionDetails } from '../../src/connection-reads/connection-details.js';
import { CursorError, encodeCursor } from '../../src/connection-reads/cursor.js';
import { FairRateLimiter } from '../../src/connection-reads/fair-rate-limiter.js';
import type { HostMapping } from '../../src/dli/connection.js';
import { DliError } from '../../src/dli/dli-error.js';
import { Deadline } from '../../src/lib/time.js';
import { NO_METRICS } from '../../src/metrics/metrics.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { CALLER, idOf, unlimited } from './helpers/stored-connections.js';

const TAGS = [{ key: 'team', value: 'data' }];

/** Details of connections that all have these hosts. */
function start(hosts: readonly HostMapping[] | undefined, { freshnessMs = 1_000, perSecond = 0 } = {}) {
  const clock = createManualClock();
  const calls: string[] = [];
  const failing = new Set<string>();
  const called = (operation: string, id: string) => {
    calls.push(`${operation} ${id}`);
    if (failing.has(id)) throw new DliError('UNAVAILABLE');
  };
  const bindings = {
    getHosts: async (id: string) => {
      called('hosts', id);
      return hosts && [...hosts];
    },
    getTags: async (id: string) => {
      called('tags', id);
      return TAGS;
    },
  };
  const limiter =
    perSecond === 0
      ? unlimited(clock)
      : new FairRateLimiter(clock, { perSecond, maxConcurrent: 1, maxQueuedPerTenant: 1 });
  const details = new ConnectionDetails({
    ...{ bindings, limiter, clock, freshnessMs },
    metrics: NO_METRICS,
    timeoutMs: 30_000,
  });
  const page = (request: Partial<HostPageRequest> = {}, id = idOf(1)) =>
    details.hostsPage(id, { first: 100, ...request }, CALLER);
  return { details, page, calls, failing, clock };
}

const namesIn = ({ items }: HostPage) => items.map(({ name }) => name);

const hostsNamed = (...names: string[]) => names.map((name, index) => ({ name, ip: `192.168.0.${index}` }));

describe('the hosts of a connection', () => {
  it('are sorted by name, ignoring case', async () => {
    const { page } = start(hostsNamed('node-b', 'Node-A', 'node-c', 'node-10', 'node-2'));
    expect(await page()).toEqual({
      items: [
        { name: 'node-10', ip: '192.168.0.3' },
        { name: 'node-2', ip: '192.168.0.4' },
        { name: 'Node-A', ip: '192.168.0.1' },
        { name: 'node-b', ip: '192.168.0.0' },
        { name: 'node-c', ip: '192.168.0.2' },
      ],
      nextCursor: null,
      totalCount: 5,
    });
  });

  it('are returned in pages, each host once, from one call', async () => {
    const names = Array.from({ length: 2_500 }, (_, index) => `node-${index}`);
    const { page, calls } = start(hostsNamed(...names));
    const shown: string[] = [];
    const sizes: number[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const { items, nextCursor, totalCount } = await page({ first: 1_000, after });
      shown.push(...items.map(({ name }) => name));
      sizes.push(items.length);
      expect(totalCount).toBe(2_500);
      after = nextCursor;
    }
    expect(sizes).toEqual([1_000, 1_000, 500]);
    expect(shown).toEqual(names.toSorted());
    expect(calls).toHaveLength(1);
  });

  it.each([1, 2, 3])('of the same name with several addresses are each shown once, %i to a page', async first => {
    const hosts = ['a', 'A', 'a', 'b'].map((name, index) => ({ name, ip: `10.0.0.${index}` }));
    const { page } = start(hosts);
    const shown: HostMapping[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const { items, nextCursor } = await page({ first, after });
      shown.push(...items);
      after = nextCursor;
    }
    expect(shown.toSorted((a, b) => a.ip.localeCompare(b.ip))).toEqual(hosts);
  });

  it('can be filtered by a part of the name, ignoring case', async () => {
    const { page } = start(hostsNamed('master1', 'Worker1', 'worker2', 'gateway'));
    const first = await page({ name: 'WORKER', first: 1 });
    expect(first).toMatchObject({ items: [{ name: 'Worker1' }], totalCount: 2 });
    const second = await page({ name: 'WORKER', first: 1, after: first.nextCursor ?? undefined });
    expect(second).toMatchObject({ items: [{ name: 'worker2' }], totalCount: 2, nextCursor: null });
    expect(await page({ name: 'none' })).toEqual({ items: [], nextCursor: null, totalCount: 0 });
  });

  it('continue after a host that has been removed', async () => {
    const { page } = start(hostsNamed('a', 'c'));
    expect(namesIn(await page({ after: encodeCursor(['HOSTS', 'b', '10.0.0.1']) }))).toEqual(['c']);
  });

  it.each([[[]], [undefined]])('are none if DLI reports none: %j', async hosts => {
    const { page } = start(hosts);
    expect(await page()).toEqual({ items: [], nextCursor: null, totalCount: 0 });
  });

  it.each([
    ['an empty text', ''],
    ['any text', 'no cursor'],
    ['JSON of another form', Buffer.from('[]').toString('base64url')],
    ['a cursor of connections', encodeCursor(['NAME', 'a', '10.0.0.1'])],
    ['an address that is a number', encodeCursor(['HOSTS', 'a', 1])],
    ['a name of 2,000 letters', encodeCursor(['HOSTS', 'a'.repeat(2_000), '10.0.0.1'])],
  ])('have no page after %s', async (_what, after) => {
    const { page, calls } = start(hostsNamed('a'));
    await expect(page({ after })).rejects.toThrow(CursorError);
    expect(calls).toEqual([]);
  });

  it('are read once for all callers while fresh, whatever the case of the id', async () => {
    const { page, calls, clock } = start(hostsNamed('a'));
    const id = 'abcdef00-0000-4000-8000-000000000001';
    await Promise.all([page({}, id), page({ name: 'a' }, id.toUpperCase())]);
    clock.advance(1_000);
    await page({}, id);
    expect(calls).toEqual([`hosts ${id}`]);
    clock.advance(1);
    await page({}, id);
    expect(calls).toHaveLength(2);
  });

  it('are read again after a failure', async () => {
    const { page, calls, failing } = start(hostsNamed('a'));
    failing.add(idOf(1));
    await expect(page()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    failing.clear();
    expect(namesIn(await page())).toEqual(['a']);
    expect(calls).toHaveLength(2);
  });

  it.each([
    ['50 lists', 10, 50],
    // Each takes more than half a megabyte.
    ['16 megabytes', 4_000, 31],
  ])('are cached up to %s', async (_limit, hostCount, maxKept) => {
    const { page, calls } = start(hostsNamed(...Array.from({ length: hostCount }, (_, index) => `node-${index}`)), {
      freshnessMs: 60_000,
    });
    const ids = Array.from({ length: 60 }, (_, index) => idOf(index));
    for (const id of ids) await page({}, id);
    calls.length = 0;
    for (const id of ids.toReversed()) await page({}, id);
    const kept = ids.length - calls.length;
    expect(kept).toBeGreaterThan(1);
    expect(kept).toBeLessThanOrEqual(maxKept);
  });
});

describe('the tags of a connection', () => {
  it('are read once for all callers while fresh', async () => {
    const { details, calls, clock } = start([]);
    expect(await Promise.all([details.tags(idOf(1), CALLER), details.tags(idOf(1), CALLER)])).toEqual([TAGS, TAGS]);
    await details.tags(idOf(2), CALLER);
    expect(calls).toEqual([`tags ${idOf(1)}`, `tags ${idOf(2)}`]);
    clock.advance(1_001);
    await details.tags(idOf(1), CALLER);
    expect(calls).toHaveLength(3);
  });

  it('report a failure, which is not cached', async () => {
    const { details, failing } = start([]);
    failing.add(idOf(1));
    await expect(details.tags(idOf(1), CALLER)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    failing.clear();
    expect(await details.tags(idOf(1), CALLER)).toEqual(TAGS);
  });
});

describe('the limits of reads', () => {
  it('apply to hosts and tags alike', async () => {
    const { details, page, calls } = start(hostsNamed('a'), { perSecond: 1 });
    await page();
    await details.tags(idOf(1), CALLER);
    // The clock stands still, so the next call waits for its turn forever.
    void details.tags(idOf(2), CALLER).catch(() => undefined);
    await expect(page({}, idOf(2))).rejects.toMatchObject({ name: 'ReadQueueFullError' });
    expect(calls).toEqual([`hosts ${idOf(1)}`, `tags ${idOf(1)}`]);
  });

  it('end a wait at the deadline of the response', async () => {
    const { details, page, clock } = start(hostsNamed('a'), { perSecond: 1 });
    await page();
    await page({}, idOf(2));
    const caller = { ...CALLER, deadline: new Deadline(clock, 20) };
    await expect(details.tags(idOf(1), caller)).rejects.toMatchObject({ name: 'DliError', code: 'UNAVAILABLE' });
  });
});
