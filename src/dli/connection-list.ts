import { z } from 'zod';

// Only what a look-up by name needs; every documented field may be missing.
const listBody = z.object({
  is_success: z.literal(true).default(true),
  connections: z.array(z.object({ name: z.string().nullish(), state: z.string().nullish() })),
  count: z.number().nullish(),
});

/** A connection as the list shows it. */
export interface ListedConnection {
  name: string | null;
  /** DLI's own word; DELETED ones stay listed. */
  state: string | null;
}

/**
 * Reads DLI's answer to `GET /v2.0/{project_id}/datasource-connection`.
 *
 * @returns undefined when the answer is no complete list, which proves nothing about what exists
 */
export function readConnectionList(status: number, text: string): ListedConnection[] | undefined {
  if (status !== 200) return undefined;
  try {
    const { data } = listBody.safeParse(JSON.parse(text));
    if (data === undefined || (data.count ?? 0) > data.connections.length) return undefined;
    return data.connections.map(({ name, state }) => ({ name: name ?? null, state: state ?? null }));
  } catch {
    return undefined;
  }
}
