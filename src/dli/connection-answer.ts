import { z } from 'zod';
import type { DescribedConnection } from './described-connection.js';
import { describe, wireConnection } from './described-connection.js';

const getBody = wireConnection.extend({ is_success: z.literal(true).default(true) });
const deleteBody = z.object({ is_success: z.boolean().default(true) });
const errorBody = z.object({
  error_code: z.string(),
  error_msg: z.string().nullish().catch(null),
});

/**
 * Reads DLI's answer to `GET /v2.0/{project_id}/datasource-connection/{connection_id}`.
 *
 * @param id what was asked for; DLI may leave it out of its answer
 * @returns undefined when the answer does not describe this connection
 */
export function readConnection(status: number, body: string, id: string): DescribedConnection | undefined {
  if (status !== 200) return undefined;
  const { data } = getBody.safeParse(parseJson(body));
  if (data === undefined) return undefined;
  const connection = describe(data);
  if (connection.id !== null && connection.id.toLowerCase() !== id.toLowerCase()) return undefined;
  // An object with neither may be anything.
  if (connection.id === null && connection.state === null) return undefined;
  return { ...connection, id };
}

/** What DLI's answer to a delete says; undefined when it says nothing that can be relied on. */
export function readDeletion(status: number, body: string): 'deleted' | 'unsuccessful' | undefined {
  if (status < 200 || status > 299) return undefined;
  if (body === '') return 'deleted';
  const { data } = deleteBody.safeParse(parseJson(body));
  if (data === undefined) return undefined;
  return data.is_success ? 'deleted' : 'unsuccessful';
}

/** The error code of an error answer of DLI or its API gateway; undefined when there is none to read. */
export function readErrorCode(body: string): string | undefined {
  return errorBody.safeParse(parseJson(body)).data?.error_code;
}

/**
 * Whether DLI says that there is no such connection.
 *
 * No page documents how; these are the codes that fit, and what DLI answers for enhanced connections.
 */
export function isNotFound(status: number, body: string): boolean {
  const { data } = errorBody.safeParse(parseJson(body));
  if (data === undefined || (status !== 400 && status !== 404)) return false;
  if (data.error_code === 'DLI.0002' || data.error_code === 'DLI.0023') return true;
  return data.error_code === 'DLI.0001' && /not exist/i.test(data.error_msg ?? '');
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
