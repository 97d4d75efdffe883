import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Emulator } from '../../src/emulator/emulator.js';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { commandsOf } from '../helpers/documents.js';
import type { Payload, TestGateway } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { environmentFor } from '../helpers/gateway-process.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';

const [BACKUP_LMDB, RESTORE_LMDB, BACKUP_REDIS, RESTORE_REDIS, KEEP_REDIS] = commandsOf(
  'docs/operation.md',
  'Backup and restore',
);

afterEach(closeGateways);

/** Runs a printed command in the folder of the program, with other paths and ports than the printed ones. */
async function run(command: string | undefined, replaced: Record<string, string>): Promise<string> {
  if (command === undefined) throw new Error('The document lacks this command.');
  const script = Object.entries(replaced).reduce((text, [from, to]) => text.replaceAll(from, to), command);
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  return (await promisify(execFile)('bash', ['--norc', '-ec', script], { cwd })).stdout;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'backup-'));
  onCleanup(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function startEmulator(): Promise<{ emulator: Emulator; url: string }> {
  const emulator = createEmulator();
  const url = await emulator.listen();
  onCleanup(() => emulator.close());
  return { emulator, url };
}

function create(gateway: TestGateway, name: string): Promise<Payload> {
  return gateway.create({ name, idempotencyKey: `${name}-first-click` });
}

describe('a restored folder of LMDB', () => {
  it('has the creates from before the backup, which was made while the gateway ran, and none after it', async () => {
    const { url } = await startEmulator();
    const [data, backup] = [temporaryFolder(), temporaryFolder()];
    const paths = { '/backup': backup, "'/data'": `'${data}'`, ' /data/': ` ${data}/` };
    const env = { ...environmentFor(url), DATA_DIR: data };

    const before = await startGateway({ env });
    const kept = await create(before, 'orders_before_backup');
    await run(BACKUP_LMDB, paths);
    await create(before, 'orders_after_backup');
    await before.close();
    await run(RESTORE_LMDB, paths);
    const after = await startGateway({ env });

    expect(kept.__typename).toBe('CreateDatasourceConnectionSuccess');
    await expect(create(after, 'orders_before_backup')).resolves.toEqual(kept);
    await expect(create(after, 'orders_after_backup')).resolves.toMatchObject({ __typename: 'NameTakenError' });
  });
});

describeWithProgram('redis-server', 'a restored Redis', program => {
  it('counts as data loss, so a create after the backup gets the connection that it created', async () => {
    const { emulator, url } = await startEmulator();
    const [folder, backup] = [temporaryFolder(), temporaryFolder()];
    const redis = await startRedisServer(program, { folder, arguments: ['--repl-diskless-sync-delay', '0'] });
    const replaced = { '/backup': backup, '/var/lib/redis': folder, '127.0.0.1:6379': `127.0.0.1:${redis.port}` };
    const env = { ...environmentFor(url), REDIS_URL: redis.url, DATA_DIR: '' };

    const gateway = await startGateway({ env });
    const early = await create(gateway, 'orders_before_backup');
    await run(BACKUP_REDIS, replaced);
    const late = await create(gateway, 'orders_after_backup');
    await redis.stop();
    await run(RESTORE_REDIS, replaced);
    await startRedisServer(program, { folder, port: redis.port });
    const turnedOn = await run(KEEP_REDIS, replaced);
    await gateway.close();
    const next = await startGateway({ env });

    expect(turnedOn).toBe('OK\n');
    await expect(create(next, 'orders_before_backup')).resolves.toEqual(early);
    await expect(create(next, 'orders_after_backup')).resolves.toMatchObject({
      __typename: 'CreateDatasourceConnectionSuccess',
      connectionId: late.connectionId,
    });
    expect(emulator.ledger.count('createConnection')).toBe(2);
  });
});
