import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import {
  CONNECTIONS_PATH,
  CREATE_BODY,
  ENHANCED_BODY,
  ENHANCED_PATH,
  shareEmulator,
} from '../helpers/running-emulator.js';

const shared = shareEmulator();

describe('a fault with a name', () => {
  it('affects only creates of that name', async () => {
    const { emulator, call } = shared();
    emulator.inject({ operation: 'createConnection', name: 'orders', status: 503 });
    const statuses: number[] = [];
    for (const name of ['others', 'orders', 'orders'])
      statuses.push((await call('POST', CONNECTIONS_PATH, { ...CREATE_BODY, name })).status);
    expect(statuses).toEqual([201, 503, 201]);
  });

  it('affects only creates of one kind of connection', async () => {
    const { emulator, call } = shared();
    emulator.inject({ operation: 'createEnhancedConnection', name: 'orders', status: 503 });
    const statuses = [
      await call('POST', CONNECTIONS_PATH, CREATE_BODY),
      await call('POST', ENHANCED_PATH, { ...ENHANCED_BODY, name: 'others' }),
      await call('POST', ENHANCED_PATH, ENHANCED_BODY),
    ].map(({ status }) => status);
    expect(statuses).toEqual([201, 201, 503]);
  });

  it('is queued behind faults without a name, in the order of those with its name', async () => {
    const { emulator, call } = shared();
    emulator.inject({ operation: 'createConnection', name: 'orders', status: 500 });
    emulator.inject({ operation: 'createConnection', name: 'orders', status: 502, skip: 1 });
    emulator.inject({ operation: 'createConnection', status: 418 });
    const statuses: number[] = [];
    for (let index = 0; index < 5; index += 1)
      statuses.push((await call('POST', CONNECTIONS_PATH, CREATE_BODY)).status);
    expect(statuses).toEqual([418, 500, 201, 502, 400]);
  });

  it('is recorded in the ledger like any other', async () => {
    const { emulator, call } = shared();
    emulator.inject({ operation: 'createConnection', name: 'orders', behaviour: 'close', apply: true });
    await expect(call('POST', CONNECTIONS_PATH, CREATE_BODY)).rejects.toThrow();
    expect(emulator.ledger.entries('createConnection')).toMatchObject([
      { fault: 'close', appliedConnectionId: expect.any(String) },
    ]);
  });

  it.each<Fault>([
    { operation: 'listConnections', name: 'orders' },
    { operation: 'listEnhancedConnections', name: 'orders' },
    { operation: 'any', name: 'orders' },
    { operation: 'createConnection', name: 'orders', behaviour: 'resetBeforeBody' },
  ])('is refused if the emulator reads no name: %j', async fault => {
    const { emulator } = shared();
    expect(() => emulator.inject(fault)).toThrow(/name: is (possible with|impossible with)/);
  });
});
