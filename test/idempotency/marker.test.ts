import { describe, expect, it } from '@jest/globals';
import type { EmulatorOptions } from '../../src/emulator/emulator.js';
import {
  EXECUTED_BUT_LOST,
  KEY,
  LOST,
  NAME_TAKEN,
  startIdempotencyGateway,
  UNKNOWN,
} from '../helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
const DUPLICATE = { name: 'orders_pg', service: 'RDS', destination: '192.168.0.12:5432' };
const MARKER = { key: 'gw_req', value: expect.stringMatching(/^[0-9a-f]{32}$/) };

function startWithMarker(emulator: Partial<EmulatorOptions> = {}) {
  return startIdempotencyGateway({ env: { DLI_MARKER_TAG: 'true' }, emulator });
}

describe('the marker tag', () => {
  it('is not sent unless it is configured', async () => {
    const { create, emulator } = await startIdempotencyGateway();
    await create(CALL);
    expect(emulator.connections()[0]?.tags).toEqual([]);
  });

  it('is added to the tags of the caller', async () => {
    const { create, emulator } = await startWithMarker();
    await create({ ...CALL, tags: [{ key: 'team', value: 'sales' }] });
    expect(emulator.connections()[0]?.tags).toEqual([{ key: 'team', value: 'sales' }, MARKER]);
  });

  it('is left out when the caller uses all ten tags', async () => {
    const { create, emulator } = await startWithMarker();
    const tags = Array.from({ length: 10 }, (_, index) => ({ key: `tag${index}`, value: 'x' }));
    await create({ ...CALL, tags });
    expect(emulator.connections()[0]?.tags).toEqual(tags);
  });

  it('distinguishes a lost create from a connection that another client created at the same time', async () => {
    const { create, emulator, posts, applied } = await startWithMarker({ uniqueNames: false });
    emulator.seedConnection(DUPLICATE);
    emulator.inject(EXECUTED_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });

  it('prevents a connection that another client created at the same time from being taken for a lost create', async () => {
    const { create, emulator, settle } = await startWithMarker({ uniqueNames: false });
    emulator.seedConnection({ ...DUPLICATE, name: 'known' });
    emulator.inject(EXECUTED_BUT_LOST);
    // An empty list counts only once DLI has shown that it filters.
    expect(await create({ idempotencyKey: `${KEY}-known`, name: 'first' })).toMatchObject(RECONCILED);
    emulator.inject(LOST);
    emulator.seedConnection(DUPLICATE);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(CALL)).toMatchObject(UNKNOWN);
  });

  it('shows that a create was not executed if the filtered list is empty but the whole list is not', async () => {
    const { create, emulator, posts, settle, log } = await startWithMarker({ uniqueNames: false });
    emulator.inject(LOST);
    // Another client created the project's only connection, and nothing has proven before that DLI filters.
    emulator.seedConnection(DUPLICATE);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    expect(posts()).toBe(1);
    expect(log()).not.toContain('cannot be attributed to one create');
  });

  it('does not confirm a refusal while a similar connection exists that may not have its tag yet', async () => {
    const { create, emulator } = await startWithMarker({ uniqueNames: false });
    emulator.seedConnection(DUPLICATE);
    emulator.inject({ operation: 'createConnection', body: { is_success: false } });
    expect(await create(CALL)).toMatchObject(UNKNOWN);
  });

  it('is not relied on after a single empty filtered list', async () => {
    const { create, emulator } = await startWithMarker({ tagFilter: 'ignored', uniqueNames: false });
    emulator.seedConnection({ ...DUPLICATE, name: 'other' });
    emulator.inject(LOST);
    // Of the two lists of the first create, the filtered one is empty by mistake.
    emulator.inject({ operation: 'listConnections', skip: 1, body: { connections: [], count: 0, is_success: true } });
    expect(await create({ ...CALL, name: 'first' })).toMatchObject(UNKNOWN);
    emulator.reset();
    emulator.seedConnection(DUPLICATE);
    emulator.inject(LOST);
    expect(await create({ ...CALL, idempotencyKey: `${KEY}-second` })).toMatchObject(UNKNOWN);
  });

  it('finds its connection if it is the only one of the project', async () => {
    const { create, emulator, applied } = await startWithMarker();
    emulator.inject(EXECUTED_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
  });

  describe.each(['ignored', 'refused'] as const)('if the tag filter is %s by DLI', tagFilter => {
    it.each([
      ['the connection of another client', LOST],
      ['a connection that may be its own', EXECUTED_BUT_LOST],
    ] as const)('does not let a create return %s', async (_whose, fault) => {
      const { create, createUntil, advance, emulator } = await startWithMarker({ tagFilter, uniqueNames: false });
      emulator.inject(fault);
      if (fault === LOST) emulator.seedConnection(DUPLICATE);
      expect(await create(CALL)).toMatchObject(UNKNOWN);
      // Past the time after which an ambiguous list settles a create.
      advance(8_000);
      expect(await createUntil(UNKNOWN.__typename, CALL)).toMatchObject(UNKNOWN);
    });

    it('lets a list without a similar connection settle a create', async () => {
      const { create, emulator, settle } = await startWithMarker({ tagFilter });
      emulator.seedConnection({ ...DUPLICATE, name: 'other' });
      emulator.inject(LOST);
      expect(await create(CALL)).toMatchObject(UNKNOWN);
      await settle();
    });
  });

  it('is not replaced by other criteria if there was no room for it', async () => {
    const { create, emulator } = await startWithMarker({ uniqueNames: false });
    const tags = Array.from({ length: 10 }, (_, index) => ({ key: `tag${index}`, value: 'x' }));
    emulator.seedConnection(DUPLICATE);
    emulator.inject(LOST);
    expect(await create({ ...CALL, tags })).toMatchObject(UNKNOWN);
  });

  it('identifies the connection of a create whose second request is refused because of its name', async () => {
    const { create, emulator, posts, applied } = await startWithMarker();
    emulator.inject({ operation: 'createConnection', error: 'APIG.0613', apply: true });
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(2);
  });

  it.each([
    ['a minute ago', 60_000],
    ['at the same time', 0],
  ])('leaves the name to a connection that another client created %s', async (_when, agoMs) => {
    const { create, emulator, posts } = await startWithMarker();
    emulator.seedConnection({ ...DUPLICATE, createdAtMs: Date.now() - agoMs });
    const payload = await create(CALL);
    expect(payload).toMatchObject(NAME_TAKEN);
    expect(await create(CALL)).toEqual(payload);
    expect(posts()).toBe(1);
  });

  it.each(['ignored', 'refused'] as const)(
    'is not replaced by other criteria if the tag filter is %s by DLI',
    async tagFilter => {
      const { create, emulator } = await startWithMarker({ tagFilter });
      emulator.seedConnection(DUPLICATE);
      expect(await create(CALL)).toMatchObject(NAME_TAKEN);
    },
  );
});
