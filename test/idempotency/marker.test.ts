import { describe, expect, it } from '@jest/globals';
import type { EmulatorOptions } from '../../src/emulator/emulator.js';
import {
  DONE_BUT_LOST,
  KEY,
  LOST,
  NAME_TAKEN,
  startIdempotencyGateway,
  UNKNOWN,
} from './helpers/idempotency-gateway.js';

const CALL = { idempotencyKey: KEY };
const RECONCILED = { __typename: 'CreateDatasourceConnectionSuccess', reconciled: true };
const TWIN = { name: 'orders_pg', service: 'RDS', destination: '192.168.0.12:5432' };
const MARKER = { key: 'gw_req', value: expect.stringMatching(/^[0-9a-f]{32}$/) };

function startMarking(emulator: Partial<EmulatorOptions> = {}) {
  return startIdempotencyGateway({ env: { DLI_MARKER_TAG: 'true' }, emulator });
}

describe('the marker tag', () => {
  it('is not sent unless operators ask for it', async () => {
    const { create, emulator } = await startIdempotencyGateway();
    await create(CALL);
    expect(emulator.connections()[0]?.tags).toEqual([]);
  });

  it('goes beside the tags of the caller', async () => {
    const { create, emulator } = await startMarking();
    await create({ ...CALL, tags: [{ key: 'team', value: 'sales' }] });
    expect(emulator.connections()[0]?.tags).toEqual([{ key: 'team', value: 'sales' }, MARKER]);
  });

  it('is left out when the caller uses all ten tags', async () => {
    const { create, emulator } = await startMarking();
    const tags = Array.from({ length: 10 }, (_, index) => ({ key: `tag${index}`, value: 'x' }));
    await create({ ...CALL, tags });
    expect(emulator.connections()[0]?.tags).toEqual(tags);
  });

  it('T-A19: distinguishes our lost create from a foreign twin of the same moment', async () => {
    const { create, emulator, posts, applied } = await startMarking({ uniqueNames: false });
    emulator.seedConnection(TWIN);
    emulator.inject(DONE_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(1);
  });

  it('T-A19: never takes a foreign twin of the same moment for a create that was not done', async () => {
    const { create, emulator, settle } = await startMarking({ uniqueNames: false });
    emulator.seedConnection({ ...TWIN, name: 'known' });
    emulator.inject(DONE_BUT_LOST);
    // Once DLI has shown that it filters, an empty answer is an answer.
    expect(await create({ idempotencyKey: `${KEY}-known`, name: 'first' })).toMatchObject(RECONCILED);
    emulator.inject(LOST);
    emulator.seedConnection(TWIN);
    expect(await create(CALL)).toMatchObject(UNKNOWN);
    await settle();
    expect(await create(CALL)).toMatchObject(UNKNOWN);
  });

  it.each(['ignored', 'refused'] as const)('is not relied on where DLI has the filter %s', async tagFilter => {
    const { create, emulator, applied } = await startMarking({ tagFilter });
    emulator.inject(DONE_BUT_LOST);
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
  });

  it('D23: finds our own connection when its name is refused, although its record is lost', async () => {
    const { create, emulator, posts, applied } = await startMarking();
    emulator.inject({ operation: 'createConnection', error: 'APIG.0613', apply: true });
    expect(await create(CALL)).toMatchObject({ ...RECONCILED, connectionId: applied()[0] });
    expect(posts()).toBe(2);
  });

  it.each([
    ['of a minute ago', 60_000],
    ['of the same moment', 0],
  ])('D23: leaves the connection of somebody else to them, also one %s', async (_when, agoMs) => {
    const { create, emulator, posts } = await startMarking();
    emulator.seedConnection({ ...TWIN, createdAtMs: Date.now() - agoMs });
    const payload = await create(CALL);
    expect(payload).toMatchObject(NAME_TAKEN);
    expect(await create(CALL)).toEqual(payload);
    expect(posts()).toBe(1);
  });

  it.each(['ignored', 'refused'] as const)(
    'D23: does not go by other marks where DLI has the filter %s',
    async tagFilter => {
      const { create, emulator } = await startMarking({ tagFilter });
      emulator.seedConnection(TWIN);
      expect(await create(CALL)).toMatchObject(NAME_TAKEN);
    },
  );
});
