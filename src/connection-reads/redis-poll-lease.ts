import { hash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { BindingFailureCause, ConnectionKind, ResourceKind } from '../dli/connection.js';
import { DLI_ERROR_CODES, DliError } from '../dli/dli-error.js';
import type { ConfidentialTexts } from '../dli/sanitize.js';
import { shownMessage, shownTags } from '../dli/sanitize.js';
import { parseJson } from '../lib/json.js';
import type { Logger } from '../lib/logger.js';
import type { RedisClients } from '../lib/redis-client.js';
import { closeRedis, connectBestEffort } from '../lib/redis-client.js';
import type { Clock } from '../lib/time.js';
import type { ReadClassicConnection, ReadConnection, ReadEnhancedConnection } from './connection-snapshot.js';
import type { ConnectionChange } from './recent-changes.js';
import type { LeaseListeners, PollLease, PollResult } from './watcher.js';

// How long a lease lasts without a published result: its holder may have crashed.
const MAX_LEASE_WITHOUT_RESULT_MS = 2_000;
// Stored: do not rename. Has its own hash tag, so that it need not share a cluster slot with the records. The number
// is the version of the messages.
const PREFIX = 'dli-gateway:{follow}:1';

/** Dependencies of {@link openRedisPollLease}. */
export interface RedisPollLeaseDependencies {
  clients: RedisClients;
  /** Identifies the DLI project: only gateways of the same project share leases. */
  project: string;
  /** Texts that must never be shown; another gateway, with other credentials, may send them. */
  confidential: ConfidentialTexts;
  clock: Clock;
  log: Logger;
  /** Time between two lines about Redis, in milliseconds. Default is a minute. */
  logWindowMs?: number | undefined;
}

/**
 * Connects gateways through Redis: the lease of a connection is a key that expires, and its value is the latest
 * result. While Redis is unavailable, each gateway polls on its own.
 */
export async function openRedisPollLease(dependencies: RedisPollLeaseDependencies): Promise<PollLease> {
  const { clients, project, confidential, clock, log, logWindowMs } = dependencies;
  const lines = {
    start: (fields: object) =>
      log.warn({ operation: 'follow', outcome: 'alone', ...fields }, 'REDIS_URL: every gateway polls alone'),
    end: (fields: object) =>
      log.info({ operation: 'follow', outcome: 'shared', ...fields }, 'gateways poll connections together again'),
  };
  const commands = await connectBestEffort(clients, PREFIX, lines, logWindowMs);
  const messages = clients.duplicate(commands, {
    commandTimeout: undefined,
    socketTimeout: undefined,
    enableOfflineQueue: true,
    // ioredis would leave the failure of its own SUBSCRIBE unhandled, which ends the process.
    autoResubscribe: false,
    maxRetriesPerRequest: null,
  });
  messages.on('error', () => undefined);
  const prefix = `${PREFIX}:${hash('sha256', project, 'base64url')}`;
  return new RedisPollLease(commands, messages, prefix, confidential, clock);
}

class RedisPollLease implements PollLease {
  /** Identifies messages of this process. */
  readonly #processId = randomUUID();
  // Not parameter properties: Redis clients expose the password.
  readonly #commands: Redis;
  readonly #messages: Redis;
  readonly #prefix: string;

  constructor(
    commands: Redis,
    messages: Redis,
    prefix: string,
    private readonly confidential: ConfidentialTexts,
    private readonly clock: Clock,
  ) {
    this.#commands = commands;
    this.#messages = messages;
    this.#prefix = prefix;
  }

  async acquire(id: string, leaseMs: number, maxAgeMs: number): Promise<PollResult | 'acquired' | undefined> {
    const key = this.#keyOf(id);
    const ttlMs = Math.ceil(Math.min(leaseMs, MAX_LEASE_WITHOUT_RESULT_MS));
    const text = await this.#acquireKey(key, ttlMs);
    if (text === undefined) return 'acquired';
    // The holder of the lease has not published a result yet.
    if (text === '') return undefined;
    // A result of another version may not be readable.
    const { data: result } = wireResult.safeParse(parseJson(text));
    if (result !== undefined && this.clock.epochMs() - result.atMs <= maxAgeMs)
      return withShownTexts(result.observation, this.confidential);
    await this.#commands.set(key, '', 'PX', ttlMs).catch(() => undefined);
    return 'acquired';
  }

  /** Sets the key, or returns its value if it exists. While Redis is unavailable, it counts as set. */
  async #acquireKey(key: string, ttlMs: number): Promise<string | undefined> {
    // Nothing but commands, because no class distinguishes the errors of ioredis from bugs.
    try {
      if ((await this.#commands.set(key, '', 'PX', ttlMs, 'NX')) === 'OK') return undefined;
      return (await this.#commands.get(key)) ?? '';
    } catch {
      return undefined;
    }
  }

  publish(id: string, result: PollResult, leaseMs: number): void {
    const observation = toWire(result);
    const value = JSON.stringify({ atMs: this.clock.epochMs(), observation });
    this.#ignoreFailure(this.#commands.set(this.#keyOf(id), value, 'PX', Math.ceil(leaseMs)));
    this.#send({ from: this.#processId, id, observation });
  }

  publishChange(change: ConnectionChange): void {
    const { kind, id } = change;
    if (id !== undefined) this.#ignoreFailure(this.#commands.del(this.#keyOf(id)));
    this.#send({
      from: this.#processId,
      id,
      ...(kind !== 'unknown' && { change: kind }),
      ...(kind === 'created' && { connectionKind: change.connectionKind }),
    });
  }

  subscribe({ onResult, onChange }: LeaseListeners): void {
    this.#messages.on('message', (_channel, text) => {
      const { data: message } = wireMessage.safeParse(parseJson(text));
      if (message === undefined || message.from === this.#processId) return;
      const { id, observation } = message;
      if (id !== undefined && observation !== undefined) onResult(id, withShownTexts(observation, this.confidential));
      else if (observation === undefined) onChange(changeIn(message));
    });
    const subscribe = () => this.#ignoreFailure(this.#messages.subscribe(this.#prefix));
    this.#messages.on('ready', subscribe);
    if (this.#messages.status === 'ready') subscribe();
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands, this.#messages].map(closeRedis));
  }

  #send(message: z.input<typeof wireMessage>): void {
    this.#ignoreFailure(this.#commands.publish(this.#prefix, JSON.stringify(message)));
  }

  // Other processes get a lost result with their next poll.
  #ignoreFailure(command: Promise<unknown>): void {
    command.catch(() => undefined);
  }

  #keyOf(id: string): string {
    return `${this.#prefix}:${id.toLowerCase()}`;
  }
}

const text = z.string().nullable();
const number = z.number().nullable();
const flag = z.boolean().nullable();

const sharedFields = {
  id: z.string(),
  name: text,
  state: text,
  createdAtMs: number,
  // Gateways of older versions do not send them.
  tags: z
    .array(z.object({ key: z.string(), value: z.string() }))
    .nullable()
    .default(null),
};

// Stored: do not rename. Anything that a gateway would not write is ignored.
const wireClassicConnection = z.object({
  ...sharedFields,
  // Gateways of older versions know classic connections only, and do not send it.
  kind: z.literal('CLASSIC').default('CLASSIC'),
  service: text,
  destination: text,
  progress: number,
  message: text,
  address: text,
  clusterName: text,
  queues: z.array(z.object({ name: text, state: text, problem: text, updatedAtMs: number })),
}) satisfies z.ZodType<ReadClassicConnection>;

// Stored: do not rename. Unreadable for gateways of older versions, which then poll on their own.
const wireEnhancedConnection = z.object({
  ...sharedFields,
  kind: z.literal('ENHANCED'),
  vpcId: text,
  networkId: text,
  isIpv6Enabled: flag,
  isShared: flag,
  hosts: z.object({ count: z.number(), version: z.string() }),
  routes: z.array(z.object({ name: z.string(), cidr: z.string(), createdAtMs: number })).nullable(),
  bindings: z.array(
    z.object({
      kind: z.enum(ResourceKind),
      name: text,
      state: text,
      peeringId: text,
      problem: text,
      cause: z.enum(BindingFailureCause).nullable(),
      updatedAtMs: number,
      isOverdue: z.boolean(),
    }),
  ),
  areBindingsKnown: z.boolean().default(true),
}) satisfies z.ZodType<ReadEnhancedConnection>;

// Stored: do not rename.
const wireObservation = z.union([
  z.object({ kind: z.literal('connection'), connection: z.union([wireEnhancedConnection, wireClassicConnection]) }),
  z
    // Gateways of older versions look for classic connections only, and do not send the second field.
    .object({ kind: z.literal('absent'), ofEitherKind: z.literal(true) })
    .transform(({ kind }) => ({ kind })),
  z
    .object({
      kind: z.literal('problem'),
      code: z.enum(DLI_ERROR_CODES),
      retryAfterSeconds: z.number().optional(),
    })
    .transform(({ kind, code, ...details }) => ({ kind, error: new DliError(code, details) })),
]);

/** A message between processes: the result of a poll or, without one, the notice of a change. */
const wireMessage = z.object({
  /** Id of the sending process. */
  from: z.string(),
  /** Id of the connection; undefined if the changed connection is not known. */
  id: z.string().optional(),
  observation: wireObservation.optional(),
  /** What is certain about the change; gateways of older versions neither send nor read it. */
  change: z.enum(['created', 'changed', 'deleted']).optional().catch(undefined),
  /** The kind of a created connection; gateways of older versions create classic ones only, and do not send it. */
  connectionKind: z.enum(ConnectionKind).default('CLASSIC'),
});

/** The value of a lease; `atMs` is the time of the poll in milliseconds since 1970-01-01 UTC. */
const wireResult = z.object({ atMs: z.number(), observation: wireObservation });

/** The change that a message reports. */
function changeIn({ id, change, connectionKind }: z.output<typeof wireMessage>): ConnectionChange {
  if (id === undefined || change === undefined) return { kind: 'unknown', id };
  return change === 'created' ? { kind: change, id, connectionKind } : { kind: change, id };
}

/** Removes DLI's texts that may not be shown, which gateways of older versions send. */
function withShownTexts(result: PollResult, confidential: ConfidentialTexts): PollResult {
  if (result.kind !== 'connection') return result;
  const tags = shownTags(result.connection.tags, confidential);
  return { ...result, connection: { ...withShownProblems(result.connection, confidential), tags } };
}

function withShownProblems(connection: ReadConnection, confidential: ConfidentialTexts): ReadConnection {
  const shown = (text: string | null) => shownMessage(text, confidential);
  if (connection.kind === 'ENHANCED') {
    const bindings = connection.bindings.map(binding => ({ ...binding, problem: shown(binding.problem) }));
    return { ...connection, bindings };
  }
  const queues = connection.queues.map(queue => ({ ...queue, problem: shown(queue.problem) }));
  return { ...connection, message: shown(connection.message), queues };
}

function toWire(result: PollResult): z.input<typeof wireObservation> {
  if (result.kind === 'connection') return result;
  if (result.kind === 'absent') return { kind: 'absent', ofEitherKind: true };
  const { code, retryAfterSeconds } = result.error;
  return { kind: 'problem', code, retryAfterSeconds };
}
