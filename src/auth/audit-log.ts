import type { Caller } from './caller.js';

/** One mutation, or one request that was refused before it could be one, by an allow-list. */
export interface AuditRecord {
  traceId: string;
  address: string;
  /** Who; undefined when that is not known. */
  caller: Caller | undefined;
  /** The mutation's field; undefined when the request was not read. */
  operation?: string | undefined;
  /** SHA-256 of the input, so that whoever is shown an input can tell whether it was this one. */
  inputFingerprint?: string | undefined;
  /** The member of the payload that was answered; undefined when there was none. */
  outcome?: string | undefined;
  /** The code of the error, if it was one. */
  code?: string | undefined;
  /** Why a token was refused, in our words. */
  reason?: string | undefined;
  connectionId?: string | undefined;
  /** Huawei Cloud's id of the request. */
  requestId?: string | undefined;
  /** Milliseconds since 1970-01-01 UTC. */
  startedAtMs: number;
  durationMs: number;
}

/** Where lines go. */
interface LineLog {
  info(line: object, message: string): void;
}

const MAX_NAME_LENGTH = 128;

/** Writes who changed what, one line each. */
export class AuditLog {
  readonly #lines: LineLog;

  constructor(lines: LineLog) {
    this.#lines = lines;
  }

  write({ caller, address, startedAtMs, durationMs, ...rest }: AuditRecord): void {
    this.#lines.info(
      {
        ...rest,
        tenant: caller && shown(caller.tenant),
        subject: caller && shown(caller.subject),
        address: shown(address),
        startedAt: new Date(startedAtMs).toISOString(),
        durationMs: Math.round(durationMs),
      },
      'audit',
    );
  }
}

// Names come from tokens and addresses from proxies; neither may forge or flood a log, whatever shows it.
function shown(text: string): string {
  return text.slice(0, MAX_NAME_LENGTH).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
