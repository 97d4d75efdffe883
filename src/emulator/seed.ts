import { z } from 'zod';

const text = z.string();
const timeMs = z.number().min(0);

/** The shape of a seed: a connection to put there, or many of its kind; what is not given is made up. Unknown keys are refused. */
export const seedSchema = z.strictObject({
  /** How many; with more than one the name gets a number, and each is a millisecond older than the next. Default 1. */
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

/** A checked seed. */
export type Seed = z.output<typeof seedSchema>;

/** Each single connection that a seed stands for. */
export function unfoldSeed({ count = 1, ...seed }: Seed, nowMs: number): Omit<Seed, 'count'>[] {
  if (count === 1) return [seed];
  const { connectionId: _one, name = 'seeded', createdAtMs = nowMs - count, ...rest } = seed;
  return Array.from({ length: count }, (_, index) => ({
    ...rest,
    name: `${name}-${index + 1}`,
    createdAtMs: createdAtMs + index,
  }));
}
