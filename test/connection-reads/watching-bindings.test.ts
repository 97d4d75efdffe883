import { describe, expect, it } from '@jest/globals';
import type { WatchStream } from '../../src/connection-reads/watch-stream.js';
import type { ConnectionEvent } from '../../src/connection-reads/watcher.js';
import type { Resource } from '../../src/dli/connection.js';
import { createManualClock } from '../helpers/manual-clock.js';
import {
  binding,
  CALLER,
  classic,
  enhanced,
  idOf,
  readAndWatch,
  StoredConnections,
} from './helpers/stored-connections.js';

const POOL: Resource = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_1' };
const QUEUE: Resource = { kind: 'QUEUE', name: 'queue_1' };
const OTHER: Resource = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_2' };

const bound = (...texts: string[]) => enhanced(1, { bindings: texts.map(text => binding(text)) });

function start(first = bound(), options: Parameters<typeof readAndWatch>[1] = {}) {
  const stored = new StoredConnections();
  stored.put(first);
  return { stored, ...readAndWatch(stored, options) };
}

/** The states of the bindings in an event, such as `pool_1 ACTIVE`; otherwise the kind of the event. */
function shownIn(event: ConnectionEvent | undefined): string {
  if (event?.kind !== 'connection') return String(event?.kind);
  const { connection } = event;
  if (connection.kind === 'CLASSIC' || connection.bindings.length === 0)
    return `${connection.kind} ${connection.state}`;
  return connection.bindings.map(({ name, state }) => `${name} ${state}`).join();
}

async function nextOf(stream: WatchStream<ConnectionEvent>): Promise<string> {
  const { value } = await stream.next();
  return shownIn(value);
}

async function restOf(stream: WatchStream<ConnectionEvent>): Promise<string[]> {
  const events: string[] = [];
  for await (const event of stream) events.push(shownIn(event));
  return events;
}

describe('a watch of an enhanced connection', () => {
  it.each([
    [[], 'ENHANCED ACTIVE'],
    [['pool_1 ACTIVE'], 'pool_1 ACTIVE'],
    [['pool_1 FAILED'], 'pool_1 FAILED'],
    [['pool_1 ACTIVE', 'pool_2 UPDATING'], 'pool_1 ACTIVE,pool_2 UPDATING'],
  ])('shows it once and ends if nothing is being bound: %j', async (bindings, shown) => {
    const { watcher } = start(bound(...bindings));
    expect(await restOf(watcher.watch(idOf(1), CALLER))).toEqual([shown]);
  });

  it('reports every change until nothing is being bound any more', async () => {
    const { stored, watcher } = start(bound('pool_1 CREATING', 'pool_2 CREATING'));
    const stream = watcher.watch(idOf(1), CALLER);
    expect(await nextOf(stream)).toBe('pool_1 CREATING,pool_2 CREATING');
    stored.put(bound('pool_1 ACTIVE', 'pool_2 CREATING'));
    expect(await nextOf(stream)).toBe('pool_1 ACTIVE,pool_2 CREATING');
    stored.put(bound('pool_1 ACTIVE', 'pool_2 FAILED'));
    expect(await restOf(stream)).toEqual(['pool_1 ACTIVE,pool_2 FAILED']);
  });

  it('waits for a resource that is not bound yet', async () => {
    const { stored, watcher } = start(bound());
    const stream = watcher.watch(idOf(1), CALLER, [[POOL]]);
    expect(await nextOf(stream)).toBe('ENHANCED ACTIVE');
    stored.put(bound('pool_2 ACTIVE'));
    expect(await nextOf(stream)).toBe('pool_2 ACTIVE');
    stored.put(bound('pool_2 ACTIVE', 'pool_1 CREATING'));
    expect(await nextOf(stream)).toBe('pool_2 ACTIVE,pool_1 CREATING');
    stored.put(bound('pool_2 ACTIVE', 'pool_1 ACTIVE'));
    expect(await restOf(stream)).toEqual(['pool_2 ACTIVE,pool_1 ACTIVE']);
  });

  it.each([
    ['a queue by its pool', ['pool_1 ACTIVE'], [[QUEUE, POOL]]],
    ['a failed one', ['pool_1 FAILED'], [[POOL]]],
    ['several', ['pool_1 ACTIVE', 'pool_2 FAILED'], [[POOL], [OTHER]]],
  ])('ends at once if what it waits for is bound or has failed: %s', async (_what, bindings, until) => {
    const { watcher } = start(bound(...bindings));
    expect(await restOf(watcher.watch(idOf(1), CALLER, until))).toHaveLength(1);
  });

  it('ends only when nothing else is being bound either', async () => {
    const { stored, watcher } = start(bound('pool_1 ACTIVE', 'pool_2 CREATING'));
    const stream = watcher.watch(idOf(1), CALLER, [[POOL]]);
    expect(await nextOf(stream)).toBe('pool_1 ACTIVE,pool_2 CREATING');
    stored.put(bound('pool_1 ACTIVE', 'pool_2 ACTIVE'));
    expect(await restOf(stream)).toEqual(['pool_1 ACTIVE,pool_2 ACTIVE']);
  });

  it('ends when the connection is deleted, whatever it waits for', async () => {
    const { stored, watcher } = start(bound('pool_2 CREATING'));
    const stream = watcher.watch(idOf(1), CALLER, [[POOL]]);
    expect(await nextOf(stream)).toBe('pool_2 CREATING');
    stored.put({ ...bound(), state: 'DELETED' });
    expect(await restOf(stream)).toEqual(['ENHANCED DELETED']);
  });

  it('ends when the connection does not exist', async () => {
    const { watcher } = start();
    expect(await restOf(watcher.watch(idOf(7), CALLER, [[POOL]]))).toEqual(['absent']);
  });

  it('reports that a binding has become overdue, and stays open', async () => {
    const clock = createManualClock();
    const first = enhanced(1, { bindings: [binding('pool_1 CREATING', { updatedAtMs: clock.epochMs() })] });
    const { stored, watcher } = start(first, { clock });
    const stream = watcher.watch(idOf(1), CALLER);
    const next = async () => (await stream.next()).value;
    expect(await next()).toMatchObject({ connection: { bindings: [{ isOverdue: false }] } });
    clock.advance(15 * 60_000);
    expect(await next()).toMatchObject({ connection: { bindings: [{ isOverdue: true }] } });
    stored.put(bound('pool_1 ACTIVE'));
    expect(await restOf(stream)).toEqual(['pool_1 ACTIVE']);
  });

  it('ignores the resources to wait for if the connection is classic', async () => {
    const stored = new StoredConnections();
    stored.put(classic(1, { state: 'CREATING' }));
    const { watcher } = readAndWatch(stored);
    const stream = watcher.watch(idOf(1), CALLER, [[POOL]]);
    expect(await nextOf(stream)).toBe('CLASSIC CREATING');
    stored.put(classic(1));
    expect(await restOf(stream)).toEqual(['CLASSIC ACTIVE']);
  });

  it('reports what was bound through the gateway at once, whatever the interval', async () => {
    const { stored, watcher } = start(bound(), { intervalMs: 60_000 });
    const stream = watcher.watch(idOf(1), CALLER, [[POOL]]);
    expect(await nextOf(stream)).toBe('ENHANCED ACTIVE');
    stored.put(bound('pool_1 CREATING'));
    watcher.applyChange({ kind: 'changed', id: idOf(1) });
    expect(await nextOf(stream)).toBe('pool_1 CREATING');
  });
});

describe('a wait for an enhanced connection', () => {
  it('ends with the event that it waits for', async () => {
    const { stored, watcher } = start(bound());
    const isBound = (event: ConnectionEvent) => event.kind === 'connection' && shownIn(event) === 'pool_1 ACTIVE';
    const latest = watcher.waitFor(idOf(1), CALLER, isBound, 60_000);
    await stored.calls(2);
    stored.put(bound('pool_1 ACTIVE'));
    expect(shownIn(await latest)).toBe('pool_1 ACTIVE');
  });

  it('ends when the connection is deleted', async () => {
    const { stored, watcher } = start(bound());
    const latest = watcher.waitFor(idOf(1), CALLER, () => false, 60_000);
    await stored.calls(2);
    stored.put({ ...bound(), state: 'DELETED' });
    expect(shownIn(await latest)).toBe('ENHANCED DELETED');
  });
});

describe('watches of one connection that wait for different resources', () => {
  it('share its polls, and end one by one', async () => {
    const { stored, watcher } = start(bound());
    const waits = [[[POOL]], [[OTHER]], [[POOL], [OTHER]]];
    const [ofPool, ofOther, ofBoth] = waits.map(until => watcher.watch(idOf(1), CALLER, until));
    const streams = [ofPool, ofOther, ofBoth].filter(stream => stream !== undefined);
    await Promise.all(streams.map(nextOf));
    const calls = stored.gets.length;
    stored.put(bound('pool_1 ACTIVE'));
    const isEnded = await Promise.all(
      streams.map(async stream => {
        await nextOf(stream);
        return Promise.race([stream.next(), stored.calls(stored.gets.length + 2)]);
      }),
    );
    expect(isEnded.map(end => end?.done ?? false)).toEqual([true, false, false]);
    expect(stored.gets.length - calls).toBeLessThan(10);
  });
});

describe('ten watches of each of fifty enhanced connections', () => {
  it('cause one call per connection and poll', async () => {
    const connections = 50;
    const numbers = Array.from({ length: connections }, (_, index) => index + 1);
    const stored = new StoredConnections();
    stored.put(...numbers.map(number => enhanced(number, { bindings: [binding('pool_1 CREATING')] })));
    const intervalMs = 200;
    const { watcher } = readAndWatch(stored, { intervalMs });
    const startedMs = performance.now();
    const streams = numbers.flatMap(number =>
      Array.from({ length: 10 }, (_, index) => {
        const until = index % 2 === 0 ? [] : [[{ ...POOL, name: `pool_${index}` }]];
        return watcher.watch(idOf(number), CALLER, until);
      }),
    );
    expect(await Promise.all(streams.map(nextOf))).toEqual(streams.map(() => 'pool_1 CREATING'));
    expect(stored.gets.toSorted()).toEqual(numbers.map(idOf));
    await stored.calls(4 * connections);
    // An interval has a jitter of 20 %.
    const polls = 1 + Math.floor((performance.now() - startedMs) / (intervalMs * 0.8 - 20));
    for (const number of numbers)
      expect(stored.gets.filter(id => id === idOf(number)).length).toBeLessThanOrEqual(polls);
  });
});
