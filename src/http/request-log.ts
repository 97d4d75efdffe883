import type { FastifyBaseLogger } from 'fastify';
import type { LogSampler } from '../lib/log-sampler.js';

/** A request that was answered. Field names are part of the log's interface. */
interface RequestRecord {
  traceId: string;
  /** Null for a request that could not be parsed. */
  method: string | null;
  /** The path of the route; null when there is none. */
  route: string | null;
  status: number;
  durationMs?: number;
}

/** Why a connection was closed: its limits are described in docs/configuration.md. */
export type CloseReason = 'idle' | 'invalid' | 'pipelining' | 'server full' | 'too many' | 'unread';

/** The log of requests and connections. */
export class RequestLog {
  constructor(
    private readonly logger: FastifyBaseLogger,
    private readonly sampler: LogSampler,
  ) {}

  /** Writes a request of a caller who is authenticated, or that succeeded. */
  write(record: RequestRecord): void {
    // Operations are logged where they happen, so successful requests are logged at debug level only.
    const level = record.status < 400 ? 'debug' : 'info';
    this.logger[level](record, 'request');
  }

  /** Writes a request that was refused and that anyone can send, unless there were many of its status. */
  writeAnonymous(record: RequestRecord): void {
    const { status } = record;
    this.sampler.sample(
      `request ${status}`,
      () => this.write(record),
      count => this.logger.info({ status, count }, 'refused requests not logged'),
    );
  }

  /** Writes a connection that was closed without a response, unless there were many of this reason. */
  writeClosed(reason: CloseReason, address: string): void {
    this.sampler.sample(
      `closed ${reason}`,
      () => this.logger.info({ reason, address }, 'connection closed'),
      count => this.logger.info({ reason, count }, 'closed connections not logged'),
    );
  }
}
