import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { DELETED, deletesSentTo, exists, remove, seed } from '../helpers/deletion.js';
import { sendGraphql, startGateway } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { startUpstream } from './helpers/idempotency-gateway.js';

const folder = mkdtempSync(join(tmpdir(), 'dli-gateway-delete-crash-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a delete whose gateway is killed before DLI responds succeeds when it is repeated', () => {
  it.each([
    ['if DLI has executed it and keeps a tombstone', true, Number.POSITIVE_INFINITY, 1],
    ['if DLI has executed it and keeps no tombstone', true, 0, 1],
    ['if DLI has not executed it', false, Number.POSITIVE_INFINITY, 2],
  ])('%s', async (name, apply, tombstoneMs, deletes) => {
    const { emulator, url } = await startUpstream({ tombstoneMs });
    const id = seed(emulator);
    const env = { ...environmentFor(url), DATA_DIR: join(folder, name) };
    const first = startGatewayProcess(env);
    const { graphqlUrl } = await first.addresses();
    emulator.inject({ operation: 'deleteConnection', behaviour: 'hang', apply });
    const answer = remove({ send: body => sendGraphql(graphqlUrl, body) }, id).catch(() => 'no answer');
    await emulator.ledger.waitFor('deleteConnection', 1);
    first.signal('SIGKILL');
    expect(await first.end()).toBe('SIGKILL');
    expect(await answer).toBe('no answer');

    // The next gateway runs in this process, because it is not killed.
    const second = await startGateway({ env });
    expect(await remove(second, id)).toEqual({ __typename: DELETED, connectionId: id });
    expect([exists(emulator, id), deletesSentTo(emulator)]).toEqual([false, deletes]);
  });
});
