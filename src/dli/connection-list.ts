import { z } from 'zod';
import type { SkewBounds } from '../huawei-cloud/clock-skew.js';

// Every documented field may be missing.
const text = z.string().nullish();
const listBody = z.object({
  is_success: z.literal(true).default(true),
  connections: z.array(
    z.object({
      connection_id: text,
      name: text,
      state: text,
      service: text,
      destination: text,
      create_time: z.number().nullish(),
    }),
  ),
  count: z.number().nullish(),
});

/** A connection as the list shows it; null where DLI says nothing. */
export interface ListedConnection {
  id: string | null;
  name: string | null;
  /** DLI's own word; DELETED ones stay listed. */
  state: string | null;
  /** DLI's own spelling. */
  service: string | null;
  /** The url of the create. */
  destination: string | null;
  /** Milliseconds since 1970-01-01 UTC, by DLI's clock. */
  createdAtMs: number | null;
}

/** A complete list, and how far DLI's clock is ahead of ours; undefined when DLI never said its time. */
export interface ConnectionList {
  connections: ListedConnection[];
  skew: SkewBounds | undefined;
}

/**
 * Reads DLI's answer to `GET /v2.0/{project_id}/datasource-connection`.
 *
 * @returns undefined when the answer is no complete list, which proves nothing about what exists
 */
export function readConnectionList(status: number, body: string): ListedConnection[] | undefined {
  if (status !== 200) return undefined;
  try {
    const { data } = listBody.safeParse(JSON.parse(body));
    if (data === undefined || (data.count ?? 0) > data.connections.length) return undefined;
    return data.connections.map(connection => ({
      id: connection.connection_id ?? null,
      name: connection.name ?? null,
      state: connection.state ?? null,
      service: connection.service ?? null,
      destination: connection.destination ?? null,
      createdAtMs: connection.create_time ?? null,
    }));
  } catch {
    return undefined;
  }
}
