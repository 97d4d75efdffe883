import { z } from 'zod';

/** A queue that a connection is bound to, as DLI describes it; null where DLI says nothing. */
export interface DescribedQueue {
  name: string | null;
  /** DLI's own word. */
  state: string | null;
  /** DLI's own text about what went wrong; null for none. */
  problem: string | null;
  /** Milliseconds since 1970-01-01 UTC, by DLI's clock. */
  updatedAtMs: number | null;
}

/** A connection as DLI describes it; null where DLI says nothing. */
export interface DescribedConnection {
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
  /** How much of the creation is done, 0 to 1. */
  progress: number | null;
  /** DLI's own text; of a FAILED connection, the reason. */
  message: string | null;
  /** Where tables reach the service through the connection. */
  address: string | null;
  clusterName: string | null;
  queues: DescribedQueue[];
}

// Longer than all that DLI documents; what is cut off would only take memory and room in answers.
const MAX_TEXT_LENGTH = 2_048;

// Every documented field may be missing.
const bounded = z.string().transform(whole => whole.slice(0, MAX_TEXT_LENGTH));
const text = bounded.nullish();
// What only serves to be shown must not make the rest unreadable.
const shown = text.catch(null);
const shownNumber = z.number().nullish().catch(null);

const queue = z.object({
  name: shown,
  status: shown,
  err_msg: shown,
  update_time: shownNumber,
});

/** The wire form of a connection, in an answer of its own and in a list, of every generation of DLI. */
export const wireConnection = z.object({
  connection_id: text,
  name: text,
  state: text,
  service: text,
  destination: text,
  create_time: z.number().nullish(),
  process: shownNumber,
  message: shown,
  // As lists of 2018 have it.
  'message ': shown,
  connection_url: shown,
  cluster_name: shown,
  available_queue_info: z.array(queue).nullish().catch(null),
  queue_list: z.array(bounded).nullish().catch(null),
});

/** The words of SQL mode, which stand for no cluster. */
const NO_CLUSTER = '#SQL#';

/** What a connection's wire form says. */
export function describe(wire: z.output<typeof wireConnection>): DescribedConnection {
  const { process: progress = null, cluster_name: cluster } = wire;
  return {
    id: wire.connection_id ?? null,
    name: wire.name ?? null,
    state: wire.state ?? null,
    service: wire.service ?? null,
    destination: wire.destination ?? null,
    createdAtMs: wire.create_time ?? null,
    progress: progress === null ? null : Math.min(1, Math.max(0, progress)),
    message: wire.message || wire['message '] || null,
    address: wire.connection_url || null,
    clusterName: cluster === NO_CLUSTER ? null : cluster || null,
    queues: queuesOf(wire),
  };
}

// The name alone is what newer lists give; both may be there.
function queuesOf({
  available_queue_info: infos,
  queue_list: names,
}: z.output<typeof wireConnection>): DescribedQueue[] {
  const known = (infos ?? []).map(info => ({
    name: info.name ?? null,
    state: info.status ?? null,
    problem: info.err_msg || null,
    updatedAtMs: info.update_time ?? null,
  }));
  const others = (names ?? []).filter(name => !known.some(info => info.name === name));
  return [...known, ...others.map(name => ({ name, state: null, problem: null, updatedAtMs: null }))];
}
