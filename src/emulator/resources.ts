import ipaddr from 'ipaddr.js';
import { z } from 'zod';

// DLI stores the names of pools and queues in lower case.
const resourceName = z
  .string()
  .min(1)
  .transform(name => name.toLowerCase());
const cidr = z.string().refine(isCidr, 'is not an address range');

const poolSchema = z.strictObject({
  name: resourceName,
  /** Range of its addresses. Default `172.16.0.0/12`, as for a real pool. */
  cidr: cidr.default('172.16.0.0/12'),
  /** Only an AVAILABLE pool can be bound. Default `AVAILABLE`. */
  status: z.enum(['AVAILABLE', 'SCALING', 'CREATING', 'FAILED']).default('AVAILABLE'),
  /** Reason of status FAILED. Default: empty. */
  failReason: z.string().default(''),
  /** Default false. */
  isIpv6Enabled: z.boolean().default(false),
  /** Names of its queues, which are of type `sql`. Default: none. */
  queues: z.array(resourceName).default([]),
});

const queueSchema = z.strictObject({
  name: resourceName,
  /** Range of its addresses. Default: none, as for the shared queue `default`. */
  cidr: cidr.optional(),
  type: z.enum(['sql', 'general']).default('general'),
  /** 0 = shared, 1 = dedicated (default). */
  resourceMode: z.union([z.literal(0), z.literal(1)]).default(1),
  /** A restarting queue cannot be bound. Default false. */
  isRestarting: z.boolean().default(false),
});

/** Schema of a change of the resources. A list replaces the previous one; an absent list changes nothing. */
export const resourcesSchema = z.strictObject({
  pools: z.array(poolSchema).optional(),
  /** The queues outside of pools. */
  queues: z.array(queueSchema).optional(),
});

/** A change of the resources, with defaults for absent fields. */
export type ResourcesInput = z.input<typeof resourcesSchema>;

/** An elastic resource pool. */
export type Pool = z.output<typeof poolSchema>;

/** A queue. If it belongs to a pool, it has the pool's name and range. */
export type Queue = z.output<typeof queueSchema> & { readonly pool?: string };

/** What a connection can be bound to. */
type ResourceKind = 'pool' | 'queue';

/** A pool or queue by its name. */
export interface ResourceReference {
  readonly kind: ResourceKind;
  /** In lower case, except in requests. */
  readonly name: string;
}

/** A pool, or a queue outside of pools. */
export interface Resource extends ResourceReference {
  readonly cidr: string | undefined;
  /** Whether it can be bound now. */
  readonly isAvailable: boolean;
}

const DEFAULT_RESOURCES: ResourcesInput = {
  pools: [
    { name: 'pool_a', cidr: '172.16.0.0/18', queues: ['queue_a1', 'queue_a2'] },
    { name: 'pool_b', cidr: '172.16.64.0/18', queues: ['queue_b1'] },
    { name: 'pool_overlapping', cidr: '192.168.0.0/16' },
  ],
  queues: [
    { name: 'default', type: 'sql', resourceMode: 0 },
    { name: 'queue_dedicated', cidr: '172.16.128.0/18' },
  ],
};

/** The elastic resource pools and queues, which all projects share. */
export class ResourceStore {
  #pools: readonly Pool[] = [];
  #queues: readonly Queue[] = [];

  constructor() {
    this.clear();
  }

  /**
   * Replaces the pools, the queues outside of pools, or both.
   * @throws {z.ZodError} if a field is invalid
   */
  set(resources: ResourcesInput): void {
    const { pools, queues } = resourcesSchema.parse(resources);
    this.#pools = pools ?? this.#pools;
    this.#queues = queues ?? this.#queues;
  }

  /** Lists the pools. */
  pools(): readonly Pool[] {
    return this.#pools;
  }

  /** Lists the queues outside of pools, then those of the pools. */
  queues(): readonly Queue[] {
    const pooled = this.#pools.flatMap(pool =>
      pool.queues.map(
        (name): Queue => ({
          name,
          cidr: pool.cidr,
          type: 'sql',
          resourceMode: 1,
          isRestarting: false,
          pool: pool.name,
        }),
      ),
    );
    return [...this.#queues, ...pooled];
  }

  /** Finds what a name, in any case, stands for: a queue of a pool stands for its pool. Undefined if unknown. */
  find({ kind, name }: ResourceReference): Resource | undefined {
    const wanted = name.toLowerCase();
    const pool = this.#pools.find(({ name, queues }) => (kind === 'pool' ? name === wanted : queues.includes(wanted)));
    if (pool !== undefined)
      return { kind: 'pool', name: pool.name, cidr: pool.cidr, isAvailable: pool.status === 'AVAILABLE' };
    const queue = kind === 'queue' ? this.#queues.find(candidate => candidate.name === wanted) : undefined;
    return queue && { kind: 'queue', name: queue.name, cidr: queue.cidr, isAvailable: !queue.isRestarting };
  }

  /** Restores the default resources. */
  clear(): void {
    this.set(DEFAULT_RESOURCES);
  }
}

/** Whether a text is an address range such as `172.16.0.0/18`. */
export function isCidr(text: string): boolean {
  return ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text);
}

/** Whether two address ranges have an address in common. */
export function doOverlap(left: string, right: string): boolean {
  const [leftAddress, leftBits] = ipaddr.parseCIDR(left);
  const [rightAddress, rightBits] = ipaddr.parseCIDR(right);
  if (leftAddress.kind() !== rightAddress.kind()) return false;
  return leftAddress.match(rightAddress, Math.min(leftBits, rightBits));
}
