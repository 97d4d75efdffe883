import { describe, expect, it } from '@jest/globals';
import type { ConnectionFilter } from '../../src/connection-reads/connection-filter.js';
import type { PageRequest } from '../../src/connection-reads/connection-snapshot.js';
import type { ConnectionReader } from '../../src/connection-reads/reader.js';
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

const pageOf = (reader: ConnectionReader, filter: ConnectionFilter = {}, changes: Partial<PageRequest> = {}) =>
  reader.page({ first: 50, filter, order: 'NAME', acceptsPartial: true, ...changes }, CALLER);

async function namesOf(reader: ConnectionReader, filter: ConnectionFilter = {}): Promise<(string | null)[]> {
  return (await pageOf(reader, filter)).items.map(({ name }) => name);
}

const POOL: Resource = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_1' };
const QUEUE: Resource = { kind: 'QUEUE', name: 'queue_1' };

/** One classic and one enhanced connection, with a reader and a watcher. */
function oneOfEach() {
  const stored = new StoredConnections();
  stored.put(classic(1), enhanced(2));
  return { stored, ...readAndWatch(stored) };
}

describe('a list of both kinds', () => {
  it('merges them in one order', async () => {
    const stored = new StoredConnections();
    stored.put(
      classic(1, { name: 'b' }),
      enhanced(2, { name: 'a' }),
      classic(3, { name: 'd' }),
      enhanced(4, { name: 'c' }),
    );
    const { reader } = readAndWatch(stored, { freshnessMs: 60_000 });
    const first = await pageOf(reader, {}, { first: 2 });
    expect(first).toMatchObject({ totalCount: 4, items: [{ name: 'a' }, { name: 'b' }], unavailableKinds: [] });
    const second = await pageOf(reader, {}, { first: 2, after: first.nextCursor ?? undefined });
    expect(second).toMatchObject({ totalCount: 4, items: [{ name: 'c' }, { name: 'd' }], nextCursor: null });
    expect(stored.lists).toBe(1);
  });

  const VPC_ID = '22094d8f-c310-4621-913d-4c4d655d8495';
  it.each<[string, ConnectionFilter, string[]]>([
    ['no criterion', {}, ['bound', 'c_bound', 'c_rds', 'empty', 'failed']],
    ['the classic kind', { kinds: ['CLASSIC'] }, ['c_bound', 'c_rds']],
    ['the enhanced kind', { kinds: ['ENHANCED'] }, ['bound', 'empty', 'failed']],
    ['both kinds', { kinds: ['ENHANCED', 'CLASSIC'] }, ['bound', 'c_bound', 'c_rds', 'empty', 'failed']],
    ['no kind', { kinds: [] }, []],
    ['a service, which enhanced connections do not have', { services: ['RDS'] }, ['c_rds']],
    ['a VPC, which classic connections do not report', { vpcId: VPC_ID }, ['bound']],
    ['a VPC in capital letters', { vpcId: VPC_ID.toUpperCase() }, ['bound']],
    ['a pool', { boundTo: [POOL] }, ['bound']],
    ['a queue of either kind', { boundTo: [QUEUE] }, ['c_bound', 'failed']],
    ['a queue or its pool', { boundTo: [QUEUE, POOL] }, ['bound', 'c_bound', 'failed']],
    ['a pool that is named like a queue', { boundTo: [{ ...POOL, name: 'queue_1' }] }, []],
    ['readiness', { readiness: ['READY', 'UNBOUND'] }, ['bound', 'empty']],
    ['readiness of failed bindings', { readiness: ['FAILED'] }, ['failed']],
    ['readiness of deleted ones, which are not listed by default', { readiness: ['DELETED'] }, []],
    ['readiness of deleted ones', { readiness: ['DELETED'], states: ['DELETED'] }, ['deleted']],
    ['a service and a VPC, which exclude each other', { services: ['RDS'], vpcId: VPC_ID }, []],
    ['a name and a kind', { name: 'B', kinds: ['CLASSIC'] }, ['c_bound']],
  ])('can be filtered by %s', async (_what, filter, names) => {
    const stored = new StoredConnections();
    stored.put(
      classic(1, { name: 'c_rds' }),
      classic(2, {
        name: 'c_bound',
        service: 'dws',
        queues: [{ name: 'Queue_1', state: null, problem: null, updatedAtMs: null }],
      }),
      enhanced(3, { name: 'bound', vpcId: VPC_ID, bindings: [binding('pool_1 ACTIVE')] }),
      enhanced(4, { name: 'empty', vpcId: null }),
      enhanced(5, { name: 'failed', bindings: [binding('queue_1 FAILED')] }),
      enhanced(6, { name: 'deleted', state: 'DELETED' }),
    );
    const { reader } = readAndWatch(stored, { freshnessMs: 60_000 });
    expect(await namesOf(reader, filter)).toEqual(names);
    // From the cache of filtered lists.
    expect(await namesOf(reader, filter)).toEqual(names);
  });

  it('shows whether a binding is overdue', async () => {
    const clock = createManualClock();
    const stored = new StoredConnections();
    const updatedAtMs = clock.epochMs();
    stored.put(enhanced(1, { bindings: [binding('pool_1 CREATING', { updatedAtMs })] }));
    const { reader } = readAndWatch(stored, { clock });
    expect(await pageOf(reader)).toMatchObject({ items: [{ bindings: [{ isOverdue: false }] }] });
    expect(await reader.get(idOf(1), CALLER)).toMatchObject({ bindings: [{ isOverdue: false }] });
    clock.advance(15 * 60_000);
    expect(await pageOf(reader)).toMatchObject({ items: [{ bindings: [{ isOverdue: true }] }] });
    expect(await reader.get(idOf(1), CALLER)).toMatchObject({ bindings: [{ isOverdue: true }] });
  });
});

describe('a kind that cannot be listed', () => {
  it('is named on the page of the other kind', async () => {
    const { stored, reader } = oneOfEach();
    stored.fail('CLASSIC');
    expect(await pageOf(reader)).toMatchObject({
      items: [{ name: 'enhanced_2' }],
      totalCount: 1,
      unavailableKinds: ['CLASSIC'],
    });
    stored.failures.clear();
    stored.fail('ENHANCED');
    expect(await pageOf(reader)).toMatchObject({ items: [{ name: 'classic_1' }], unavailableKinds: ['ENHANCED'] });
  });

  it('is an error for a caller that does not ask which kinds are missing, unless DLI does not offer it', async () => {
    const { stored, reader } = oneOfEach();
    stored.fail('CLASSIC');
    const acceptsPartial = false;
    await expect(pageOf(reader, {}, { acceptsPartial })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await pageOf(reader, { kinds: ['ENHANCED'] }, { acceptsPartial })).toMatchObject({ totalCount: 1 });
    stored.fail('CLASSIC', 'REJECTED');
    expect(await pageOf(reader, {}, { acceptsPartial })).toMatchObject({ items: [{ name: 'enhanced_2' }] });
  });

  it.each<[string, ConnectionFilter]>([
    ['its kind', { kinds: ['CLASSIC'] }],
    ['a service, which only its kind has', { services: ['RDS'] }],
  ])('is an error if the page can show nothing else: %s', async (_what, filter) => {
    const { stored, reader } = oneOfEach();
    stored.fail('CLASSIC', 'REJECTED');
    await expect(pageOf(reader, filter)).rejects.toMatchObject({ name: 'DliError', code: 'REJECTED' });
  });

  it.each<[string, ConnectionFilter]>([
    ['the other kind', { kinds: ['ENHANCED'] }],
    ['a VPC, which only the other kind has', { vpcId: 'vpc-1' }],
    ['no kind', { kinds: [] }],
  ])('is not named on a page that would not show it: %s', async (_what, filter) => {
    const { stored, reader } = oneOfEach();
    stored.fail('CLASSIC');
    expect(await pageOf(reader, filter)).toMatchObject({ unavailableKinds: [] });
  });

  it('fails the page if the other kind cannot be listed either', async () => {
    const { stored, reader } = oneOfEach();
    stored.fail('CLASSIC', 'THROTTLED');
    stored.fail('ENHANCED', 'REJECTED');
    await expect(pageOf(reader, { kinds: ['ENHANCED'] })).rejects.toMatchObject({ name: 'DliError' });
  });

  it('is on the following page as soon as it can be listed again', async () => {
    const clock = createManualClock();
    const stored = new StoredConnections();
    stored.put(classic(1), enhanced(2), enhanced(3));
    const { reader } = readAndWatch(stored, { clock, freshnessMs: 1_000 });
    stored.fail('CLASSIC');
    const { nextCursor } = await pageOf(reader, {}, { first: 1 });
    stored.failures.clear();
    clock.advance(1_001);
    expect(await pageOf(reader, {}, { after: nextCursor ?? undefined })).toMatchObject({
      totalCount: 3,
      unavailableKinds: [],
    });
  });

  it('does not cost a call per page if DLI does not offer it', async () => {
    const clock = createManualClock();
    const stored = new StoredConnections();
    stored.put(enhanced(2), enhanced(3));
    stored.fail('CLASSIC', 'REJECTED');
    const { reader } = readAndWatch(stored, { clock, freshnessMs: 1_000 });
    const { nextCursor } = await pageOf(reader, {}, { first: 1 });
    clock.advance(1_001);
    expect(await pageOf(reader, {}, { after: nextCursor ?? undefined })).toMatchObject({ items: [{ id: idOf(3) }] });
    expect(stored.lists).toBe(1);
  });

  it('does not make its connections look absent when several are read by their ids', async () => {
    const { stored, reader } = oneOfEach();
    const missing = idOf(9);
    expect([...(await reader.getAll([idOf(1), idOf(2), missing], CALLER)).keys()]).toEqual([idOf(1), idOf(2)]);
    expect(stored.gets).toEqual([]);
    stored.fail('CLASSIC');
    await expect(reader.getAll([idOf(1), idOf(2)], CALLER)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(stored.gets).toEqual([idOf(1)]);
    expect((await reader.getAll([idOf(2), idOf(2).toUpperCase()], CALLER)).size).toBe(1);
  });
});
