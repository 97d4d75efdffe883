import type { StoredConnection } from './stored-connection.js';

type ComputedField = 'state' | 'process' | 'connectionUrl' | 'message' | 'updatedAtMs';
type PinnedField = Exclude<ComputedField, 'updatedAtMs'>;

/** What is kept about a connection; where it stands follows from the clock. */
export interface ConnectionRecord extends Omit<StoredConnection, ComputedField> {
  /** When the creation ends, well or badly. */
  readonly readyAtMs: number;
  readonly willFail: boolean;
  /** What it says when it has failed. */
  readonly failureReason: string;
  /** In how many steps its progress is told; 0 = smoothly. */
  readonly steps: number;
  /** The `connectionUrl` that it gets once it is active. */
  readonly activeUrl: string;
  /** Values that stand whatever the clock says, for seeded connections. */
  readonly pinned: Partial<Pick<StoredConnection, PinnedField>>;
}

/** Where a connection stands at `nowMs`. */
export function connectionAt(record: ConnectionRecord, nowMs: number): StoredConnection {
  const { readyAtMs, willFail, failureReason, steps: _steps, activeUrl, pinned, ...kept } = record;
  const frozenAtMs = Math.min(nowMs, kept.deletedAtMs ?? nowMs);
  const living = livingState(record, frozenAtMs);
  return {
    ...kept,
    process: progress(record, frozenAtMs),
    connectionUrl: living === 'ACTIVE' ? activeUrl : '',
    message: living === 'FAILED' ? failureReason : '',
    updatedAtMs: kept.deletedAtMs ?? (nowMs < readyAtMs ? kept.createdAtMs : readyAtMs),
    ...pinned,
    state: kept.deletedAtMs === undefined ? living : 'DELETED',
  };
}

function livingState(record: ConnectionRecord, nowMs: number): string {
  if (record.pinned.state !== undefined) return record.pinned.state;
  if (nowMs < record.readyAtMs) return 'CREATING';
  return record.willFail ? 'FAILED' : 'ACTIVE';
}

// A creation that fails gets half-way; the real steps are not documented.
function progress(record: ConnectionRecord, nowMs: number): number {
  const totalMs = record.readyAtMs - record.createdAtMs;
  const part = totalMs <= 0 ? 1 : Math.min((nowMs - record.createdAtMs) / totalMs, 1);
  const told = record.steps === 0 ? part : Math.floor(part * record.steps) / record.steps;
  return Math.floor((record.willFail ? told / 2 : told) * 100) / 100;
}
