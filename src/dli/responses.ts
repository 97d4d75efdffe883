import { z } from 'zod';
import type { SkewBounds } from '../huawei-cloud/clock-skew.js';
import { parseJson } from '../lib/json.js';

/** A queue that is bound to a connection. Null: DLI did not send the field. */
export interface DescribedQueue {
  name: string | null;
  /** DLI's spelling. */
  state: string | null;
  /** DLI's text about what went wrong. */
  problem: string | null;
  /** Milliseconds since 1970-01-01 UTC, by DLI's clock. */
  updatedAtMs: number | null;
}

/** A connection as DLI describes it. Null: DLI did not send the field. */
export interface DescribedConnection {
  id: string | null;
  name: string | null;
  /** DLI's spelling. Connections in state DELETED stay listed. */
  state: string | null;
  /** DLI's spelling. */
  service: string | null;
  /** The url of the create. */
  destination: string | null;
  /** Milliseconds since 1970-01-01 UTC, by DLI's clock. */
  createdAtMs: number | null;
  /** Progress of the creation, 0 to 1. */
  progress: number | null;
  /** DLI's text. Of a FAILED connection, the reason. */
  message: string | null;
  /** The address by which tables reach the service through the connection. */
  address: string | null;
  clusterName: string | null;
  queues: DescribedQueue[];
}

// Longer than anything that DLI documents.
const MAX_TEXT_LENGTH = 2_048;

// Every documented field may be missing.
const bounded = z.string().transform(whole => whole.slice(0, MAX_TEXT_LENGTH));
const text = bounded.nullish();
// An invalid display field must not make the rest unreadable.
const shown = text.catch(null);
const shownNumber = z.number().nullish().catch(null);

const queue = z.object({
  name: shown,
  status: shown,
  err_msg: shown,
  update_time: shownNumber,
});

/** The wire format of a connection in every generation of DLI. */
const wireConnection = z.object({
  connection_id: text,
  name: text,
  state: text,
  service: text,
  destination: text,
  create_time: z.number().nullish(),
  process: shownNumber,
  message: shown,
  // Lists of 2018 have this key.
  'message ': shown,
  connection_url: shown,
  cluster_name: shown,
  available_queue_info: z.array(queue).nullish().catch(null),
  queue_list: z.array(bounded).nullish().catch(null),
});

/** The value for SQL mode, which has no cluster. */
const NO_CLUSTER = '#SQL#';

function describe(wire: z.output<typeof wireConnection>): DescribedConnection {
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

// Newer lists have names only; both may be there.
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

const getBody = wireConnection.extend({ is_success: z.literal(true).default(true) });
const deleteBody = z.object({ is_success: z.boolean().default(true) });
const errorBody = z.object({
  error_code: z.string(),
  error_msg: z.string().nullish().catch(null),
});

/**
 * Parses DLI's response to `GET /v2.0/{project_id}/datasource-connection/{connection_id}`.
 *
 * @param id the requested id, which DLI may leave out of its response
 * @returns undefined when the response does not describe this connection
 */
export function readConnection(status: number, body: string, id: string): DescribedConnection | undefined {
  if (status !== 200) return undefined;
  const { data } = getBody.safeParse(parseJson(body));
  if (data === undefined) return undefined;
  const connection = describe(data);
  if (connection.id !== null && connection.id.toLowerCase() !== id.toLowerCase()) return undefined;
  // An object with neither proves nothing.
  if (connection.id === null && connection.state === null) return undefined;
  return { ...connection, id };
}

/** Parses DLI's response to a delete. Undefined when it proves nothing. */
export function readDeletion(status: number, body: string): 'deleted' | 'unsuccessful' | undefined {
  if (status < 200 || status > 299) return undefined;
  if (body === '') return 'deleted';
  const { data } = deleteBody.safeParse(parseJson(body));
  if (data === undefined) return undefined;
  return data.is_success ? 'deleted' : 'unsuccessful';
}

/**
 * Whether the response says that there is no such connection.
 *
 * Undocumented: these codes fit, and DLI sends them for enhanced connections.
 */
export function isNotFound(status: number, body: string): boolean {
  const { data } = errorBody.safeParse(parseJson(body));
  if (data === undefined || (status !== 400 && status !== 404)) return false;
  if (data.error_code === 'DLI.0002' || data.error_code === 'DLI.0023') return true;
  return data.error_code === 'DLI.0001' && /not exist/i.test(data.error_msg ?? '');
}

const listBody = z.object({
  is_success: z.literal(true).default(true),
  connections: z.array(wireConnection),
  count: z.number().nullish(),
});

/** A complete list, and how far DLI's clock is ahead of ours, if known. */
export interface ConnectionList {
  connections: DescribedConnection[];
  skew: SkewBounds | undefined;
}

/**
 * Parses DLI's response to `GET /v2.0/{project_id}/datasource-connection`.
 *
 * @returns undefined when the response is not a complete list and thus proves nothing
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
