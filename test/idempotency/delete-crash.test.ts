import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { DELETED, deletesSentTo, exists, remove, seed } from '../helpers/deletion.js';
import { sendGraphql } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { startUpstream } from './helpers/idempotency-gateway.js';

const folder = mkdtempSync(join(tmpdir(), 'once-delete-crash-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a gateway process on a folder that is given to the next one too. */
async function startOn(upstreamUrl: string, dataDir: string) {
  const gateway = startGatewayProcess({ ...environmentFor(upstreamUrl), DATA_DIR: dataDir });
  const { graphqlUrl } = await gateway.addresses();
  return { ...gateway, send: (body: unknown) => sendGraphql(graphqlUrl, body) };
}

describe('a delete whose gateway is killed while DLI does not answer', () => {
  it.each([
    ['has done it, and leaves a tombstone', true, Number.POSITIVE_INFINITY, 1],
    ['has done it, and knows nothing of it any more', true, 0, 1],
    ['has not done it', false, Number.POSITIVE_INFINITY, 2],
  ])('and %s, is a success when it is repeated', async (name, apply, tombstoneMs, deletes) => {
    const { emulator, url } = await startUpstream({ tombstoneMs });
    const id = seed(emulator);
    const dataDir = join(folder, name);
    const first = await startOn(url, dataDir);
    emulator.inject({ operation: 'deleteConnection', behaviour: 'hang', apply });
    const answer = remove(first, id).catch(() => 'no answer');
    await emulator.ledger.waitFor('deleteConnection', 1);
    first.signal('SIGKILL');
    expect(await first.end()).toBe('SIGKILL');
    expect(await answer).toBe('no answer');

    const second = await startOn(url, dataDir);
    expect(await remove(second, id)).toEqual({ __typename: DELETED, connectionId: id });
    expect([exists(emulator, id), deletesSentTo(emulator)]).toEqual([false, deletes]);
    expect(second.stderr()).toBe('');
  });
});
