import { z } from 'zod';
import type { StoredConnection } from './connections.js';
import { findServiceKind } from './connections.js';
import { readBodyAs } from './request-input.js';
import type { EmulatorSettings } from './settings.js';
import { tagsSchema } from './tags.js';

type Style = Pick<EmulatorSettings, 'answerStyle' | 'queueInfoKey' | 'tagStyle' | 'numbersAsText' | 'listTwice'>;

/** The cluster name of a connection without a cluster, as printed in the manual of 2018. */
const NO_CLUSTER = '#SQL#';

/** Builds the body of a get response. */
export function connectionBody(connection: StoredConnection, style: Style): object {
  return printed(style, {
    ...commonFields(connection, style),
    ...(hasQueueInfo(style) && { available_queue_info: queueInfo(connection, style) }),
    // Printed in the manual, but not described there.
    ...(style.answerStyle === '2021' && { count: 1 }),
  });
}

/** Prints the numbers of a body as text if the settings say so: the manuals show numbers, but clients should cope. */
export function printed({ numbersAsText }: Pick<Style, 'numbersAsText'>, body: object): object {
  if (!numbersAsText) return body;
  return JSON.parse(JSON.stringify(body), (_key, value) => (typeof value === 'number' ? String(value) : value));
}

/** Builds the body of a list response; 2018 and 2019 have no count. */
export function connectionListBody(connections: readonly StoredConnection[], style: Style): object {
  const listed = style.listTwice ? connections.flatMap(connection => [connection, connection]) : connections;
  return printed(style, {
    is_success: true,
    message: '',
    connections: listed.map(connection => listElement(connection, style)),
    ...(hasQueueInfo(style) && { count: listed.length }),
  });
}

function listElement(connection: StoredConnection, style: Style) {
  const { message, ...rest } = commonFields(connection, style);
  return {
    ...rest,
    // The misspelt key of the manual of 2018.
    [style.answerStyle === '2018' ? 'message ' : 'message']: message,
    ...(style.answerStyle === '2021' && { available_queue_info: queueInfo(connection, style) }),
    ...(style.answerStyle === '2024' && { queue_list: connection.queues }),
  };
}

function commonFields(connection: StoredConnection, { answerStyle, tagStyle }: Style) {
  const isOf2018 = answerStyle === '2018';
  return {
    // True even for a FAILED connection: it is the result of this call.
    is_success: true,
    message: connection.message,
    connection_id: connection.connectionId,
    destination: connection.destination,
    state: connection.state,
    process: connection.process,
    name: connection.name,
    connection_url: connection.connectionUrl,
    cluster_name: connection.clusterName === '' && isOf2018 ? NO_CLUSTER : connection.clusterName,
    ...(!isOf2018 && { service: connection.service, create_time: connection.createdAtMs }),
    ...(tagStyle !== 'none' && { tags: tagsBody(connection, tagStyle) }),
  };
}

function tagsBody({ tags }: StoredConnection, style: Exclude<Style['tagStyle'], 'none'>): object {
  if (style === 'texts') return tags.map(({ key, value }) => `${key}=${value}`);
  return style === 'map' ? Object.fromEntries(tags.map(({ key, value }) => [key, value])) : tags;
}

function hasQueueInfo({ answerStyle }: Style): boolean {
  return answerStyle === '2021' || answerStyle === '2024';
}

function queueInfo(connection: StoredConnection, { answerStyle, queueInfoKey }: Style) {
  return connection.queues.map(queue => ({
    [answerStyle === '2021' ? 'peer_id' : queueInfoKey]: `${connection.connectionId}-${queue}`,
    status: connection.state,
    name: queue,
    err_msg: connection.message,
    update_time: connection.updatedAtMs,
  }));
}

/** The documented limits of a create body. Unknown fields are accepted: how DLI treats them is not documented. */
const createBodySchema = z.object({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 digits, English letters, _ or -'),
  service: z.string().refine(service => findServiceKind(service) !== undefined, 'is not a supported service'),
  security_group_id: z.string().min(1),
  network_id: z.string().min(1),
  url: z.string().min(1).max(512),
  cluster_name: z.string().optional(),
  tags: tagsSchema(10).optional(),
});

/** Parses the body of a create request, or reports its first problem, like the service. */
export function readCreateBody(bytes: Buffer) {
  return readBodyAs(createBodySchema, bytes);
}
