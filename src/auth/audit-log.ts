import { hash } from 'node:crypto';
import type { LogSampler } from '../lib/log-sampler.js';
import type { Logger, TraceContext } from '../lib/logger.js';
import type { Caller } from './caller.js';

/** One entry of the audit log: a mutation, or a request that was refused before it was read. */
export interface AuditRecord {
  trace: TraceContext;
  /** The client's canonical IP address. */
  address: string;
  /** Undefined when the request was not authenticated. */
  caller: Caller | undefined;
  /** The mutation field; undefined when the request was not read. */
  operation?: string | undefined;
  /** SHA-256 of the input, which identifies a known input without revealing it. */
  inputFingerprint?: string | undefined;
  /** The `__typename` of the payload; undefined when there was none. */
  outcome?: string | undefined;
  /** The error code; undefined for a success. */
  code?: string | undefined;
  /** Why a request was refused, in the gateway's own words. */
  reason?: string | undefined;
  connectionId?: string | undefined;
  /** Huawei Cloud's request id. */
  upstreamRequestId?: string | undefined;
  /** Milliseconds since 1970-01-01 UTC. */
  startedAtMs: number;
  durationMs: number;
}

/** The end of a create that no caller was waiting for any more. Its tenant is no longer known by then. */
export interface LateEnd extends Omit<AuditRecord, 'address' | 'caller' | 'inputFingerprint' | 'reason'> {
  /** The id of the create's record, which was begun in this trace. */
  operationId: string;
}

/** Fields that only the line of a {@link LateEnd} has. */
type LateFields = Partial<Pick<LateEnd, 'operationId'>> & { late?: true };

/**
 * Writes the audit log: one line per mutation or refused request, with an allow-list of fields.
 *
 * Refusals of requests that are not authenticated are sampled, because anyone can cause them.
 */
export class AuditLog {
  constructor(
    private readonly logger: Pick<Logger<object>, 'info'>,
    private readonly sampler: LogSampler,
  ) {}

  /** Writes one line; log field names and the message `audit` are part of the log's interface. */
  write(record: AuditRecord): void {
    const { caller, code, reason } = record;
    if (caller !== undefined) this.#write(record);
    else
      this.sampler.sample(
        `audit ${code} ${reason}`,
        () => this.#write(record),
        count => this.logger.info({ code, reason, count }, 'refused requests not logged'),
      );
  }

  /** Writes the line of a create that ended late. It follows the line of the mutation, if there was one. */
  writeLate(end: LateEnd): void {
    this.#write({ ...end, late: true });
  }

  // Field by field, because object rest and spread cost more than writing the line.
  #write(record: Partial<AuditRecord> & LateFields & Pick<AuditRecord, 'trace' | 'startedAtMs' | 'durationMs'>): void {
    const { trace, caller } = record;
    const line = {
      requestId: trace.requestId,
      traceId: trace.traceId,
      spanId: trace.spanId,
      address: record.address,
      tenant: caller && escapeName(caller.tenant),
      subject: caller && escapeName(caller.subject),
      operation: record.operation,
      operationId: record.operationId,
      inputFingerprint: record.inputFingerprint,
      connectionId: record.connectionId,
      outcome: record.outcome,
      code: record.code,
      reason: record.reason,
      upstreamRequestId: record.upstreamRequestId,
      late: record.late,
      startedAt: new Date(record.startedAtMs).toISOString(),
      durationMs: Math.round(record.durationMs),
    };
    this.logger.info(line, 'audit');
  }
}

// A line of 2 KB has room for two names of this size and everything else.
const MAX_NAME_BYTES = 600;

// Names come from tokens and must not forge log lines. Different names stay different: backslashes are escaped too, and
// a name that is too long is cut and ends in its hash.
function escapeName(name: string): string {
  const escaped = name.replace(/[\\\p{C}\p{Zl}\p{Zp}]/gu, character =>
    character === '\\' ? '\\\\' : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  if (Buffer.byteLength(JSON.stringify(escaped)) <= MAX_NAME_BYTES) return escaped;
  return `${escaped.slice(0, 100)}\\sha256{${hash('sha256', name)}}`;
}
