import type { ConnectionFilter } from '../connection-reads/connection-filter.js';
import type { Resource } from '../dli/connection.js';
import type { ResourceDirectory } from '../dli/resource-directory.js';
import type { TraceContext } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { Deadline } from '../lib/time.js';
import { DatasourceConnectionFilter } from './read.args.js';
import type { ConnectionResourceInput } from './resource.input.js';
import { toResources } from './resource.input.js';

interface Dependencies {
  directory: ResourceDirectory;
  clock: Clock;
  /** Time limit of one look-up, in milliseconds. */
  timeoutMs: number;
}

/** Finds the names under which pools and queues appear in `bindings`: DLI binds the pool in place of its queues. */
export class ResourceNames {
  constructor(private readonly dependencies: Dependencies) {}

  /** For each resource, the names under which it may be bound: its own and its pool's. In input order; never fails. */
  async resolve(inputs: readonly ConnectionResourceInput[], trace: TraceContext): Promise<Resource[][]> {
    const { directory, clock, timeoutMs } = this.dependencies;
    const context = { deadline: new Deadline(clock, timeoutMs), trace };
    const resolved = await directory.resolve(toResources(inputs), context);
    return resolved.map(({ requested, bound }) =>
      requested.kind === bound.kind && requested.name === bound.name ? [requested] : [requested, bound],
    );
  }
}

/** The criteria of a filter, with the names under which `boundTo` may be bound. No filter is like an empty one. */
export async function toCriteria(
  filter: DatasourceConnectionFilter | null | undefined,
  names: ResourceNames,
  trace: TraceContext,
): Promise<ConnectionFilter> {
  const { boundTo } = filter ?? {};
  const [boundNames] = boundTo == null ? [] : await names.resolve([boundTo], trace);
  return (filter ?? new DatasourceConnectionFilter()).toCriteria(boundNames);
}
