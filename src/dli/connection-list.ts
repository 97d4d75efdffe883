import { z } from 'zod';
import type { SkewBounds } from '../huawei-cloud/clock-skew.js';
import type { DescribedConnection } from './described-connection.js';
import { describe, wireConnection } from './described-connection.js';

const listBody = z.object({
  is_success: z.literal(true).default(true),
  connections: z.array(wireConnection),
  count: z.number().nullish(),
});

/** A complete list, and how far DLI's clock is ahead of ours; undefined when DLI never said its time. */
export interface ConnectionList {
  connections: DescribedConnection[];
  skew: SkewBounds | undefined;
}

/**
 * Reads DLI's answer to `GET /v2.0/{project_id}/datasource-connection`.
 *
 * @returns undefined when the answer is no complete list, which proves nothing about what exists
 */
export function readConnectionList(status: number, body: string): DescribedConnection[] | undefined {
  if (status !== 200) return undefined;
  try {
    const { data } = listBody.safeParse(JSON.parse(body));
    if (data === undefined || (data.count ?? 0) > data.connections.length) return undefined;
    return data.connections.map(describe);
  } catch {
    return undefined;
  }
}
