import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { createTestClock } from '../helpers/clock.js';
import { DELETED, exists, remove, seed } from '../helpers/deletion.js';
import type { TestGateway } from '../helpers/gateway.js';
import { sendGraphql, startGateway } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';

// Longer than these tests take, but still a clock skew that DLI accepts.
const TOMBSTONE_MS = 300_000;

describe('a delete whose gateway is killed before DLI responds succeeds when it is repeated', () => {
  const clock = createTestClock();
  const emulator = createEmulator({ now: () => clock.epochMs(), tombstoneMs: TOMBSTONE_MS });
  const [forgotten, kept, notExecuted] = [seed(emulator), seed(emulator), seed(emulator)];
  let next: TestGateway;

  // One gateway is killed during all of these deletes. The next one is not killed, so it needs no process.
  beforeAll(async () => {
    const url = await emulator.listen();
    onCleanup(() => emulator.close());
    const folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-delete-crash-'));
    onCleanup(() => rmSync(folder, { recursive: true, force: true }));
    const env = { ...environmentFor(url), DATA_DIR: folder, OPERATION_TIMEOUT_MS: '120000' };
    const killed = startGatewayProcess(env);
    const { graphqlUrl } = await killed.addresses();
    const answers: Promise<unknown>[] = [];
    for (const [id, apply] of [
      [forgotten, true],
      [kept, true],
      [notExecuted, false],
    ] as const) {
      emulator.inject({ operation: 'deleteConnection', behaviour: 'hang', apply });
      answers.push(remove({ send: body => sendGraphql(graphqlUrl, body) }, id).catch(() => 'no answer'));
      await emulator.ledger.waitFor('deleteConnection', answers.length);
      if (id === forgotten) clock.advance(TOMBSTONE_MS);
    }
    killed.signal('SIGKILL');
    expect(await killed.end()).toBe('SIGKILL');
    expect(await Promise.all(answers)).toEqual(answers.map(() => 'no answer'));
    next = await startGateway({ clock, env });
  });

  /** Repeats a delete, and returns how often DLI received it. */
  async function repeat(id: string): Promise<number> {
    expect(await remove(next, id)).toEqual({ __typename: DELETED, connectionId: id });
    expect(exists(emulator, id)).toBe(false);
    return emulator.ledger.entries('deleteConnection').filter(({ path }) => path.endsWith(id)).length;
  }

  it('if DLI has executed it and keeps a tombstone', async () => {
    expect(emulator.connections()).toContainEqual(expect.objectContaining({ connectionId: kept, state: 'DELETED' }));
    expect(await repeat(kept)).toBe(1);
  });

  it('if DLI has executed it and keeps no tombstone', async () => {
    expect(emulator.connections().map(({ connectionId }) => connectionId)).not.toContain(forgotten);
    expect(await repeat(forgotten)).toBe(1);
  });

  it('if DLI has not executed it', async () => {
    expect(await repeat(notExecuted)).toBe(2);
  });
});
