import { z } from 'zod';
import type { EnhancedSeed, StoredHost } from './enhanced-connections.js';

const text = z.string();
const timeMs = z.number().min(0);

/** Schema of a seed: one connection to add, or many alike. Absent fields are generated; unknown keys are refused. */
export const seedSchema = z.strictObject({
  /** Number of connections. More than one get numbered names and are created 1 ms apart. Default 1. */
  count: z.int().min(1).max(20_000).optional(),
  connectionId: z.uuid().optional(),
  projectId: text.optional(),
  name: text.optional(),
  service: text.optional(),
  destination: text.optional(),
  securityGroupId: text.optional(),
  networkId: text.optional(),
  clusterName: text.optional(),
  tags: z.array(z.strictObject({ key: text, value: text })).optional(),
  createdAtMs: timeMs.optional(),
  state: text.optional(),
  process: z.number().optional(),
  connectionUrl: text.optional(),
  message: text.optional(),
  queues: z.array(text).optional(),
});

type Seed = z.output<typeof seedSchema>;

const MAX_HOSTS = 20_000;

/** Schema of a seed of enhanced connections, like {@link seedSchema}. */
export const enhancedSeedSchema = z.strictObject({
  count: seedSchema.shape.count,
  /** Number of hosts to generate if `hosts` is absent. Default 0. */
  hostCount: z.int().min(0).max(MAX_HOSTS).optional(),
  connectionId: z.uuid().optional(),
  projectId: text.optional(),
  name: text.optional(),
  vpcId: text.optional(),
  networkId: text.optional(),
  routeTableId: text.optional(),
  hosts: z.array(z.strictObject({ name: text, ip: text })).optional(),
  tags: seedSchema.shape.tags,
  routes: z.array(z.strictObject({ name: text, cidr: text, createdAtMs: timeMs.optional() })).optional(),
  isIpv6Enabled: z.boolean().optional(),
  grantedProjectIds: z.array(text).optional(),
  createdAtMs: timeMs.optional(),
  status: text.optional(),
  bindings: z
    .array(
      z.strictObject({
        kind: z.enum(['pool', 'queue']),
        name: text,
        peerId: z.uuid().optional(),
        status: text.optional(),
        errorMessage: text.optional(),
        updatedAtMs: timeMs.optional(),
      }),
    )
    .optional(),
});

/** The connections of a seed, with numbered names if there are several. */
export function expandSeed({ count = 1, ...seed }: Seed, nowMs: number): Omit<Seed, 'count'>[] {
  if (count === 1) return [seed];
  const { connectionId: _one, name = 'seeded', createdAtMs = nowMs - count, ...rest } = seed;
  return Array.from({ length: count }, (_, index) => ({
    ...rest,
    name: `${name}-${index + 1}`,
    createdAtMs: createdAtMs + index,
  }));
}

/** The enhanced connections of a seed, with numbered names if there are several, which share their hosts. */
export function expandEnhancedSeed(seed: z.output<typeof enhancedSeedSchema>, nowMs: number): EnhancedSeed[] {
  const { count = 1, hostCount = 0, ...given } = seed;
  const one = { ...given, hosts: given.hosts ?? generateHosts(hostCount) };
  if (count === 1) return [one];
  const { connectionId: _one, name = 'seeded', createdAtMs = nowMs - count, ...rest } = one;
  return Array.from({ length: count }, (_, index) => ({
    ...rest,
    name: `${name}_${index + 1}`,
    createdAtMs: createdAtMs + index,
  }));
}

/** Generates hosts with different names and addresses. */
export function generateHosts(count: number): StoredHost[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `node-${index + 1}.example.com`,
    ip: `10.0.${Math.floor(index / 256)}.${index % 256}`,
  }));
}
