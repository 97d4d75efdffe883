import { describe, expect, it } from '@jest/globals';
import type { EmulatorOptions } from '../../src/emulator/emulator.js';
import {
  EXECUTED_BUT_LOST,
  KEY,
  LOST,
  NAME_TAKEN,
  startIdempotencyGateway,
  UNKNOWN,
} from './helpers/idempotency-gateway.js';

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

  it.each(['ignored', 'refused'] as const)('is not relied on if the tag filter is %s by DLI', async tagFilter => {
    const { create, emulator, applied } = await startWithMarker({ tagFilter });
    emulator.inject(EXECUTED_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
  });

  it('identifies the connection of a create whose second request is refused because of the name', async () => {
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
