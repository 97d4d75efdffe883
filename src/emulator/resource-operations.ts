import { z } from 'zod';
import { printed } from './dli-bodies.js';
import { dliError } from './errors.js';
import type { EmulatorOptions } from './options.js';
import { pageNumber, readQuery } from './request-input.js';
import type { Pool, Queue, ResourceStore } from './resources.js';
import type { EmulatedResponse } from './respond.js';
import { jsonResponse } from './respond.js';
import type { Call } from './routes.js';

const poolQuerySchema = z.object({
  limit: pageNumber.default(100),
  offset: pageNumber.default(0),
  name: z.string().toLowerCase().default(''),
  status: z.string().toUpperCase().optional(),
});

const queueQuerySchema = z.object({
  queue_type: z.enum(['sql', 'general', 'all']).default('sql'),
  /** Absent: all on one page. */
  'page-size': pageNumber.optional(),
  'current-page': pageNumber.default(1),
});

/** The DLI operations that list elastic resource pools and queues. Requests are already authenticated. */
export class ResourceOperations {
  constructor(
    private readonly options: EmulatorOptions,
    private readonly resources: ResourceStore,
  ) {}

  /** Lists a page of the pools; the name filter matches parts of names. */
  listPools({ request }: Call): EmulatedResponse {
    const { query, problem } = readQuery(poolQuerySchema, request.query);
    if (problem !== undefined) return dliError('DLI.0001', problem);
    const { limit, offset, name, status } = query;
    const pools = this.resources
      .pools()
      .filter(pool => pool.name.includes(name) && (status === undefined || pool.status === status))
      .slice(offset, offset + limit);
    return this.#respond({ count: pools.length, elastic_resource_pools: pools.map(poolBody) });
  }

  /** Lists the queues, by default only those of type `sql`. */
  listQueues({ request }: Call): EmulatedResponse {
    const { query, problem } = readQuery(queueQuerySchema, request.query);
    if (problem !== undefined) return dliError('DLI.0001', problem);
    const { queue_type: type, 'page-size': pageSize, 'current-page': page } = query;
    const queues = this.resources.queues().filter(queue => type === 'all' || queue.type === type);
    const listed = pageSize === undefined ? queues : queues.slice((page - 1) * pageSize, page * pageSize);
    return this.#respond({ queues: listed.map(queueBody) });
  }

  #respond(body: object): EmulatedResponse {
    return jsonResponse(200, printed(this.options, { is_success: true, message: '', ...body }));
  }
}

function poolBody({ name, cidr, status, failReason, isIpv6Enabled, queues }: Pool) {
  return {
    elastic_resource_pool_name: name,
    cidr_in_vpc: cidr,
    status,
    fail_reason: failReason,
    ipv6_enable: isIpv6Enabled,
    queues,
  };
}

function queueBody({ name, cidr, type, resourceMode, isRestarting, pool }: Queue) {
  return {
    queue_name: name,
    queue_type: type,
    resource_mode: resourceMode,
    is_restarting: isRestarting,
    // JSON has no undefined: the fields are absent where there is no value.
    cidr_in_vpc: cidr,
    elastic_resource_pool_name: pool,
  };
}
