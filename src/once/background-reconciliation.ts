import { randomUUID } from 'node:crypto';
import type { Clock } from '../lib/time.js';
import type { OperationRecord } from '../operation-store/operation-record.js';
import type { RecordStore } from '../operation-store/operation-store.js';
import { StoreUnavailableError } from '../operation-store/operation-store.js';
import type { InlineReconciliation } from './inline-reconciliation.js';
import type { OnceLog } from './once-log.js';
import type { OperationIdentities } from './operation-identities.js';
import type { Reconciler } from './reconciler.js';
import { adoptRecord } from './record-adoption.js';

const OWNERSHIP_MS = 30_000;
const MAX_AT_A_TIME = 50;

/** What the background work needs. */
export interface BackgroundOptions {
  store: RecordStore;
  identities: OperationIdentities;
  inline: InlineReconciliation;
  reconciler: Reconciler;
  clock: Clock;
  log: OnceLog;
  /** Milliseconds between two looks for open records. */
  intervalMs: number;
}

/** Decides creates that nobody asks about any more: of callers that went away and of processes that died. */
export class BackgroundReconciliation {
  readonly #options: BackgroundOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /** Begins to look for open records, now and from then on. */
  start(): void {
    this.#running = this.#lookAround();
  }

  /** Ends with the look that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #lookAround(): Promise<void> {
    const { store, identities, clock, log, intervalMs } = this.#options;
    try {
      const nowMs = clock.epochMs();
      // Not before it is needed: to identify the project makes the secret, if there is none.
      const open = (await store.hasOpen(nowMs))
        ? await store.findOpen(await identities.projectId(), nowMs)
        : [];
      const due = open.filter(({ nextCheckAtMs = 0 }) => nextCheckAtMs <= nowMs);
      await Promise.all(due.slice(0, MAX_AT_A_TIME).map(record => this.#decide(record)));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      log.warn({ operation: 'store', outcome: 'unavailable' }, 'open creates cannot be looked up');
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.start(), intervalMs).unref();
  }

  async #decide(record: OperationRecord): Promise<void> {
    const { store, inline, reconciler, clock } = this.#options;
    const adopted = await adoptRecord(store, record, clock.epochMs(), OWNERSHIP_MS);
    if (adopted === undefined) return;
    await inline.release(await reconciler.check(adopted, randomUUID().replaceAll('-', '')));
  }
}
