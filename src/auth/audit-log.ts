import type { LogSampler } from '../lib/log-sampler.js';
import type { Logger } from '../lib/logger.js';
import type { Caller } from './caller.js';

/** One entry of the audit log: a mutation, or a request that was refused before it was read. */
export interface AuditRecord {
  traceId: string;
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
  requestId?: string | undefined;
  /** Milliseconds since 1970-01-01 UTC. */
  startedAtMs: number;
  durationMs: number;
}

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

  #write({ caller, startedAtMs, durationMs, ...rest }: AuditRecord): void {
    this.logger.info(
      {
        ...rest,
        tenant: caller && escapeName(caller.tenant),
        subject: caller && escapeName(caller.subject),
        startedAt: new Date(startedAtMs).toISOString(),
        durationMs: Math.round(durationMs),
      },
      'audit',
    );
  }
}

// Names come from tokens and may not forge log lines. Different names are written differently: none is cut, and
// backslashes, too, are escaped. Their length is bounded where tokens are verified.
function escapeName(name: string): string {
  return name.replace(/[\\\p{C}\p{Zl}\p{Zp}]/gu, character =>
    character === '\\' ? '\\\\' : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
