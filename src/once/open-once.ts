import type { DliClient } from '../dli/dli-client.js';
import { ListReader } from '../idempotency/connection-lookup.js';
import { CreateOnce } from '../idempotency/create-connection.js';
import { DeleteOnce } from '../idempotency/delete-connection.js';
import { OperationIdentities } from '../idempotency/operation-keys.js';
import { Reconciler } from '../idempotency/reconciler.js';
import { BackgroundReconciliation, InlineReconciliation } from '../idempotency/reconciliation-schedule.js';
import { RepeatedCreate } from '../idempotency/resume-create.js';
import { RecordedCreate } from '../idempotency/send-create.js';
import { RecordWriter } from '../idempotency/write-behind.js';
import type { Clock } from '../lib/time.js';
import type { RecordStore } from '../operation-store/operation-store.js';
import type { OnceLog } from './once-log.js';

/** Looks for open records at most this far apart, in milliseconds; more often when creates settle sooner. */
const MAX_INTERVAL_MS = 2_000;

/** What operators decide about records. */
export interface OnceConfig {
  /** Folder of the embedded store. */
  dataDir: string;
  /** Redis for several instances; replaces the folder. */
  redisUrl: string | undefined;
  /** How long after it was sent a create may still appear in DLI's list, in milliseconds. */
  settleMs: number;
  /** Whether DLI is known to refuse a second connection of a name. */
  namesAreUnique: boolean;
  /** Whether creates carry a tag by which their connection is found. */
  markerTag: boolean;
}

/** Creating and deleting once, with their store open. */
export interface Once {
  create: CreateOnce;
  delete: DeleteOnce;
  /** Begins to decide creates that nobody asks about. */
  start(): void;
  close(): Promise<void>;
}

/**
 * Opens the store of operation records and puts together what creates and deletes once.
 *
 * @throws {StoreUnusableError} that names the setting when the store cannot or must not be used
 */
export async function openOnce(parts: {
  config: OnceConfig;
  /** Which DLI project, said the same way at every start: records made under another name are not found. */
  project: string;
  dli: DliClient;
  clock: Clock;
  log: OnceLog;
}): Promise<Once> {
  const { config, project, dli, clock, log } = parts;
  const { settleMs, namesAreUnique, markerTag } = config;
  const store = await openStore(config, clock, log);
  const identities = new OperationIdentities(store, project);
  const writer = new RecordWriter(store, () => clock.monotonicMs(), log);
  const lists = new ListReader(dli, clock);
  const reconciler = new Reconciler({ lists, store, writer, clock, log, settleMs });
  const inline = new InlineReconciliation(reconciler, writer, clock, settleMs);
  const intervalMs = Math.min(MAX_INTERVAL_MS, settleMs / 60);
  const background = new BackgroundReconciliation({
    store,
    identities,
    inline,
    reconciler,
    clock,
    log,
    intervalMs,
  });
  const recorded = new RecordedCreate({ dli, store, writer, reconciler, inline, clock, log });
  const repeated = new RepeatedCreate({ recorded, inline, store, writer, clock, namesAreUnique });
  return {
    create: new CreateOnce({ recorded, repeated, inline, store, writer, identities, clock, markerTag }),
    delete: new DeleteOnce({ dli, store, identities, clock }),
    start: () => background.start(),
    async close() {
      await background.close();
      await writer.close();
      await store.close();
    },
  };
}

// Each brings a library that the other does not need, and whose loading takes time at every start.
async function openStore(
  { dataDir, redisUrl }: OnceConfig,
  clock: Clock,
  log: OnceLog,
): Promise<RecordStore> {
  if (redisUrl === undefined) {
    const { LmdbStore } = await import('../operation-store/lmdb-store.js');
    return LmdbStore.open(dataDir);
  }
  const { RedisStore } = await import('../operation-store/redis-store.js');
  return RedisStore.connect(
    redisUrl,
    problem => log.warn({ operation: 'store', outcome: 'problem' }, problem),
    () => clock.epochMs(),
  );
}
