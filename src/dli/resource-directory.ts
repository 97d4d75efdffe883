import type { TraceContext } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { Deadline, withTimeout } from '../lib/time.js';
import type { BindingsClient, ResourceList } from './bindings-client.js';
import type { Resource } from './connection.js';
import { ResourceKind } from './connection.js';
import type { OperationContext } from './dli-error.js';
import { DliError } from './dli-error.js';

const LIFE_MS = 30_000;
/** Maximum age of a list that proves that a name does not exist. */
const MAX_AGE_OF_ABSENCE_MS = 1_000;
const READ_TIMEOUT_MS = 5_000;

/** A resource as callers name it, and what DLI binds in its place. */
export interface ResolvedResource {
  requested: Resource;
  /** The pool that a queue belongs to; otherwise the resource itself. */
  bound: Resource;
  /** Whether it exists; undefined when DLI does not list its pools and queues, for example in regions without pools. */
  exists: boolean | undefined;
}

/** A list, and when its read began, by the monotonic clock. */
interface KeptList extends ResourceList {
  readAtMs: number;
}

/** The pools and queues of the project, read when needed and kept for 30 s. Simultaneous callers share a read. */
export class ResourceDirectory {
  #kept: KeptList | undefined;
  #pendingRead: { list: Promise<KeptList | undefined>; startedAtMs: number } | undefined;

  constructor(
    private readonly client: Pick<BindingsClient, 'listResources'>,
    private readonly clock: Clock,
  ) {}

  /**
   * Finds the pools that queues belong to. Never fails: without a list, resources are returned as they are. A name that
   * the kept list lacks is looked up in a new one.
   *
   * @param resources with names in lower case
   */
  async resolve(resources: readonly Resource[], context: OperationContext): Promise<ResolvedResource[]> {
    const kept = await this.#list(LIFE_MS, context);
    const resolved = resources.map(resource => resolveIn(kept, resource));
    if (resolved.every(({ exists }) => exists !== false)) return resolved;
    const latest = await this.#list(MAX_AGE_OF_ABSENCE_MS, context);
    if (latest !== undefined) return resources.map(resource => resolveIn(latest, resource));
    return resolved.map(each => (each.exists === false ? { ...each, exists: undefined } : each));
  }

  #list(maxAgeMs: number, { trace, deadline }: OperationContext): Promise<KeptList | undefined> {
    const kept = this.#kept;
    if (kept !== undefined && this.clock.monotonicMs() - kept.readAtMs <= maxAgeMs) return Promise.resolve(kept);
    // A read that began long ago may lack new resources.
    if (this.#pendingRead === undefined || this.clock.monotonicMs() - this.#pendingRead.startedAtMs > maxAgeMs)
      this.#pendingRead = this.#startRead(trace);
    return withTimeout(deadline.remainingMs(), this.#pendingRead.list, () => undefined);
  }

  #startRead(trace: TraceContext) {
    const pending = { list: this.#read(trace), startedAtMs: this.clock.monotonicMs() };
    const clear = () => {
      if (this.#pendingRead === pending) this.#pendingRead = undefined;
    };
    // Its callers get the error.
    pending.list.then(clear, clear);
    return pending;
  }

  async #read(trace: TraceContext): Promise<KeptList | undefined> {
    const readAtMs = this.clock.monotonicMs();
    try {
      const deadline = new Deadline(this.clock, READ_TIMEOUT_MS);
      this.#kept = { ...(await this.client.listResources({ trace, deadline })), readAtMs };
      return this.#kept;
    } catch (error) {
      if (!(error instanceof DliError)) throw error;
      return undefined;
    }
  }
}

function resolveIn(list: ResourceList | undefined, requested: Resource): ResolvedResource {
  const found = list?.resources.find(({ kind, name }) => kind === requested.kind && name === requested.name);
  const isKnown = list?.knownKinds.has(requested.kind) === true;
  const exists = found !== undefined || (isKnown ? false : undefined);
  const poolName = found?.poolName ?? null;
  const bound = poolName === null ? requested : { kind: ResourceKind.ELASTIC_RESOURCE_POOL, name: poolName };
  return { requested, bound, exists };
}
