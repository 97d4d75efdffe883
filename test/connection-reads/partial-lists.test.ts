import { describe, expect, it } from '@jest/globals';
import type { ConnectionFilter } from '../../src/connection-reads/connection-filter.js';
import type { ListEvent } from '../../src/connection-reads/list-poller.js';
import type { ConnectionWatcher } from '../../src/connection-reads/watcher.js';
import { createTestClock } from '../helpers/clock.js';
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

function shownIn(event: ListEvent | undefined): string {
  if (event?.kind === 'change') return `${event.change} ${event.connection.name} ${event.connection.state}`;
  return event?.kind === 'problem' ? `problem ${event.error.code}` : String(event?.kind);
}

/** Watches the list, and waits until the baseline of the first changes has been read. */
async function watchList(watcher: ConnectionWatcher, stored: StoredConnections, filter: ConnectionFilter = {}) {
  const calls = stored.lists + stored.gets.length;
  const events = watcher.watchList(filter, CALLER);
  await stored.calls(calls + 1);
  return async () => {
    const { value } = await events.next();
    return shownIn(value);
  };
}

/** Waits for two more polls of the list, after which any change would have been reported. */
async function twoPolls(stored: StoredConnections): Promise<void> {
  await stored.calls(stored.lists + stored.gets.length + 2);
}

describe('a subscription to the list', () => {
  it('reports the changes of both kinds', async () => {
    const stored = new StoredConnections();
    const { watcher } = readAndWatch(stored);
    const next = await watchList(watcher, stored);
    stored.put(enhanced(1));
    expect(await next()).toBe('ADDED enhanced_1 ACTIVE');
    stored.put(classic(2));
    expect(await next()).toBe('ADDED classic_2 ACTIVE');
    stored.put(enhanced(1, { bindings: [binding('pool_1 CREATING')] }));
    expect(await next()).toBe('CHANGED enhanced_1 ACTIVE');
    stored.remove(idOf(1));
    expect(await next()).toBe('REMOVED enhanced_1 ACTIVE');
  });

  it('reports that a binding has become overdue', async () => {
    const clock = createTestClock();
    const stored = new StoredConnections();
    stored.put(enhanced(1, { bindings: [binding('pool_1 CREATING', { updatedAtMs: clock.epochMs() })] }));
    const { watcher } = readAndWatch(stored, { clock });
    const next = await watchList(watcher, stored);
    await twoPolls(stored);
    clock.advance(15 * 60_000);
    expect(await next()).toBe('CHANGED enhanced_1 ACTIVE');
  });

  it('does not report connections as removed while their kind cannot be listed, or as added afterwards', async () => {
    const stored = new StoredConnections();
    stored.put(classic(1), classic(2), enhanced(3));
    const { watcher } = readAndWatch(stored);
    const next = await watchList(watcher, stored);
    await twoPolls(stored);
    stored.fail('CLASSIC');
    expect(await next()).toBe('problem UNAVAILABLE');
    stored.put(enhanced(4));
    expect(await next()).toBe('ADDED enhanced_4 ACTIVE');
    // What has changed meanwhile is reported when the kind can be listed again.
    stored.remove(idOf(1));
    stored.failures.clear();
    expect(await next()).toBe('REMOVED classic_1 ACTIVE');
    stored.put(classic(5));
    expect(await next()).toBe('ADDED classic_5 ACTIVE');
  });

  it('uses the first list of a kind that could not be listed before as its baseline', async () => {
    const stored = new StoredConnections();
    stored.put(classic(1), enhanced(2));
    stored.fail('CLASSIC');
    const { watcher } = readAndWatch(stored);
    const next = await watchList(watcher, stored);
    expect(await next()).toBe('problem UNAVAILABLE');
    stored.failures.clear();
    await twoPolls(stored);
    stored.put(classic(3));
    expect(await next()).toBe('ADDED classic_3 ACTIVE');
  });

  it('reports no problem while DLI does not offer one of the kinds', async () => {
    const stored = new StoredConnections();
    stored.fail('CLASSIC', 'REJECTED');
    const { watcher } = readAndWatch(stored);
    const next = await watchList(watcher, stored);
    stored.put(enhanced(1));
    expect(await next()).toBe('ADDED enhanced_1 ACTIVE');
  });

  it('reports once that its kind cannot be listed, and then what has changed', async () => {
    const stored = new StoredConnections();
    stored.put(classic(1));
    const { watcher } = readAndWatch(stored);
    const next = await watchList(watcher, stored, { kinds: ['CLASSIC'] });
    await twoPolls(stored);
    stored.fail('CLASSIC');
    expect(await next()).toBe('problem UNAVAILABLE');
    await twoPolls(stored);
    stored.put(classic(2));
    stored.failures.clear();
    expect(await next()).toBe('ADDED classic_2 ACTIVE');
    stored.fail('CLASSIC');
    expect(await next()).toBe('problem UNAVAILABLE');
  });

  it('reports to a new subscriber that its kind cannot be listed at the moment', async () => {
    const stored = new StoredConnections();
    stored.fail('ENHANCED', 'THROTTLED');
    const { watcher } = readAndWatch(stored);
    const first = await watchList(watcher, stored, { vpcId: 'vpc-1' });
    expect(await first()).toBe('problem THROTTLED');
    const second = await watchList(watcher, stored, { kinds: ['ENHANCED'] });
    expect(await second()).toBe('problem THROTTLED');
    const ofOtherKind = await watchList(watcher, stored, { kinds: ['CLASSIC'] });
    stored.put(classic(1));
    expect(await ofOtherKind()).toBe('ADDED classic_1 ACTIVE');
  });

  it('reports once that neither kind can be listed, even if they fail one after the other', async () => {
    const stored = new StoredConnections();
    const { watcher } = readAndWatch(stored);
    const next = await watchList(watcher, stored);
    await twoPolls(stored);
    stored.fail('CLASSIC');
    expect(await next()).toBe('problem UNAVAILABLE');
    stored.fail('ENHANCED');
    await twoPolls(stored);
    stored.failures.delete('ENHANCED');
    stored.put(enhanced(1));
    expect(await next()).toBe('ADDED enhanced_1 ACTIVE');
  });
});

describe('a change of our own', () => {
  const namesIn = async ({ reader }: ReturnType<typeof readAndWatch>) =>
    (await reader.page({ first: 50, filter: {}, order: 'NAME', acceptsPartial: true }, CALLER)).items.map(
      ({ name }) => name,
    );

  function start(...connections: Parameters<StoredConnections['put']>) {
    const stored = new StoredConnections();
    stored.put(...connections);
    const clock = createManualClock();
    return { stored, clock, reads: readAndWatch(stored, { clock, freshnessMs: 1_000 }) };
  }

  it('passes the kind of a created enhanced connection to the client of DLI', async () => {
    const { stored, reads } = start();
    reads.watcher.applyChange({ kind: 'created', id: idOf(1), connectionKind: 'ENHANCED' });
    reads.watcher.applyChange({ kind: 'created', id: idOf(2), connectionKind: 'CLASSIC' });
    // Classic connections are tried first anyway.
    expect(stored.remembered).toEqual(new Map([[idOf(1), 'ENHANCED']]));
  });

  it.each(['kept', 'new'])('is not looked up for a %s list that lacks its kind', async list => {
    const { stored, clock, reads } = start(classic(1), enhanced(2));
    stored.fail('CLASSIC');
    if (list === 'kept') await namesIn(reads);
    reads.watcher.applyChange({ kind: 'created', id: idOf(1), connectionKind: 'CLASSIC' });
    expect(await namesIn(reads)).toEqual(['enhanced_2']);
    expect([stored.lists, stored.gets]).toEqual([1, []]);
    stored.failures.clear();
    clock.advance(1_001);
    expect(await namesIn(reads)).toEqual(['classic_1', 'enhanced_2']);
  });

  it('updates the bindings in a cached list, at the cost of one call', async () => {
    const { stored, reads } = start(classic(1), enhanced(2, { isShared: true, isIpv6Enabled: false }), enhanced(3));
    const page = (filter = {}) => reads.reader.page({ first: 50, filter, order: 'NAME' }, CALLER);
    expect(await page({ readiness: ['BINDING'] })).toMatchObject({ items: [] });
    const bindings = [binding('pool_1 CREATING')];
    // A get lacks the fields that only lists have.
    stored.put(enhanced(2, { bindings }));
    reads.watcher.applyChange({ kind: 'changed', id: idOf(2).toUpperCase() });
    expect(await page({ readiness: ['BINDING'] })).toMatchObject({
      items: [{ id: idOf(2), bindings, isShared: true, isIpv6Enabled: false }],
    });
    expect((await page()).totalCount).toBe(3);
    expect([stored.lists, stored.gets]).toEqual([1, [idOf(2)]]);
  });

  it('is not looked up for a list that was read after it', async () => {
    const { stored, reads } = start(enhanced(1));
    reads.watcher.applyChange({ kind: 'changed', id: idOf(1) });
    expect(await namesIn(reads)).toEqual(['enhanced_1']);
    expect([stored.lists, stored.gets]).toEqual([1, []]);
  });

  it('keeps a created connection that is bound before a list shows it', async () => {
    const { stored, clock, reads } = start();
    const created = enhanced(1, { bindings: [binding('pool_1 CREATING')] });
    reads.watcher.applyChange({ kind: 'created', id: idOf(1), connectionKind: 'ENHANCED' });
    reads.watcher.applyChange({ kind: 'changed', id: idOf(1) });
    clock.advance(1_001);
    const listed = reads.reader.list(0, false, CALLER);
    // DLI's list lags behind its get.
    await stored.calls(1);
    stored.put(created);
    expect((await listed).findAll(new Set([idOf(1)])).get(idOf(1))).toMatchObject({ name: 'enhanced_1' });
    expect([stored.lists, stored.gets]).toEqual([1, [idOf(1)]]);
  });

  it('does not bring a deleted connection back', async () => {
    const { stored, reads } = start(enhanced(1), enhanced(2));
    expect(await namesIn(reads)).toEqual(['enhanced_1', 'enhanced_2']);
    reads.watcher.applyChange({ kind: 'deleted', id: idOf(1) });
    reads.watcher.applyChange({ kind: 'changed', id: idOf(1) });
    expect(await namesIn(reads)).toEqual(['enhanced_2']);
    expect([stored.lists, stored.gets]).toEqual([1, []]);
  });

  it('is reported to a subscription to the list at once, whatever the interval', async () => {
    const stored = new StoredConnections();
    stored.put(enhanced(1));
    const { watcher } = readAndWatch(stored, { intervalMs: 60_000, freshnessMs: 60_000 });
    const next = await watchList(watcher, stored);
    stored.put(enhanced(1, { bindings: [binding('pool_1 CREATING')] }));
    watcher.applyChange({ kind: 'changed', id: idOf(1) });
    expect(await next()).toBe('CHANGED enhanced_1 ACTIVE');
    expect([stored.lists, stored.gets]).toEqual([1, [idOf(1)]]);
  });
});
