import { z } from 'zod';
import type { StoredBinding } from './bindings.js';
import { printed } from './dli-bodies.js';
import type { StoredEnhancedConnection } from './enhanced-connections.js';
import { pageNumber, readBodyAs } from './request-input.js';
import type { ResourceReference } from './resources.js';
import type { EmulatorSettings } from './settings.js';
import { tagsSchema } from './tags.js';

type Style = Pick<EmulatorSettings, 'numbersAsText' | 'routesShown' | 'privilegeKey'>;

const MAX_HOSTS = 20_000;

/** Builds the body of a get response. */
export function enhancedConnectionBody(connection: StoredEnhancedConnection, style: Style): object {
  return printed(style, { is_success: true, message: '', ...commonFields(connection, style) });
}

/** Builds the body of a list response. */
export function enhancedListBody(connections: readonly StoredEnhancedConnection[], style: Style): object {
  return printed(style, {
    is_success: true,
    message: '',
    // The number of listed connections, not of all.
    count: connections.length,
    connections: connections.map(connection => ({
      ...commonFields(connection, style),
      // Documented in this spelling and sense: true if the connection is not shared.
      isPrivis: connection.grantedProjectIds.length === 0,
    })),
  });
}

/** Builds the body of the response to a tags query. */
export function tagsBody({ tags }: Pick<StoredEnhancedConnection, 'tags'>, style: Style): object {
  return printed(style, { tags, count: tags.length });
}

/** Builds the body of the response to a privileges query. */
export function privilegesBody(
  { connectionId, grantedProjectIds }: Pick<StoredEnhancedConnection, 'connectionId' | 'grantedProjectIds'>,
  { privilegeKey }: Style,
): object {
  return {
    is_success: true,
    message: '',
    connection_id: connectionId,
    privileges: grantedProjectIds.map(projectId => ({
      object: `edsconnections.${connectionId}`,
      [privilegeKey]: projectId,
      privileges: ['BIND_QUEUE'],
    })),
  };
}

function commonFields(connection: StoredEnhancedConnection, { routesShown }: Style) {
  return {
    id: connection.connectionId,
    name: connection.name,
    available_queue_info: bindingBodies(connection, 'queue'),
    elastic_resource_pools: bindingBodies(connection, 'pool'),
    dest_vpc_id: connection.vpcId,
    dest_network_id: connection.networkId,
    create_time: connection.createdAtMs,
    status: connection.status,
    hosts: connection.hosts,
    ipv6_enable: connection.isIpv6Enabled,
    ...(routesShown && {
      routes: connection.routes.map(({ name, cidr, createdAtMs }) => ({ name, cidr, create_time: createdAtMs })),
    }),
  };
}

function bindingBodies({ bindings }: StoredEnhancedConnection, kind: StoredBinding['kind']) {
  return bindings
    .filter(binding => binding.kind === kind)
    .map(({ peerId, status, name, errorMessage, updatedAtMs }) => ({
      peer_id: peerId,
      status,
      name,
      err_msg: errorMessage,
      update_time: updatedAtMs,
    }));
}

const namesSchema = z.array(z.string().min(1)).default([]);

const resourceNames = { elastic_resource_pools: namesSchema, queues: namesSchema };

/** The documented limits of a create body. Unknown fields are accepted: how DLI treats them is not documented. */
const createBodySchema = z.object({
  name: z.string().regex(/^[A-Za-z0-9_]{1,64}$/, 'must be 1 to 64 digits, English letters or _'),
  dest_vpc_id: z.string().min(1),
  dest_network_id: z.string().min(1),
  routetable_id: z.string().default(''),
  hosts: z
    .array(
      z.object({
        name: z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,127}$/, 'must be a letter and up to 127 of A-Za-z0-9_.-'),
        ip: z.ipv4(),
      }),
    )
    .max(MAX_HOSTS)
    .default([]),
  tags: tagsSchema(20)
    .refine(tags => !tags.some(({ key, value }) => `${key}${value}`.includes('=')), 'must not contain an equals sign')
    .default([]),
  ...resourceNames,
});

const bindBodySchema = z
  .object(resourceNames)
  .refine(({ elastic_resource_pools: pools, queues }) => pools.length + queues.length > 0, {
    path: ['elastic_resource_pools'],
    message: 'at least one elastic resource pool or queue is required',
  });

/** Parses the body of a create request, or reports its first problem. */
export function readEnhancedCreateBody(bytes: Buffer) {
  return readBodyAs(createBodySchema, bytes);
}

/** Parses the body of a request to bind or unbind, or reports its first problem. */
export function readBindBody(bytes: Buffer) {
  return readBodyAs(bindBodySchema, bytes);
}

/** Lists the pools and queues that a body names, pools first. */
export function namedResources(body: z.output<typeof bindBodySchema>): ResourceReference[] {
  return [
    ...body.elastic_resource_pools.map(name => ({ kind: 'pool', name }) as const),
    ...body.queues.map(name => ({ kind: 'queue', name }) as const),
  ];
}

/** Schema of the query of a list, except for its tags. */
export const enhancedListQuerySchema = z.object({
  limit: pageNumber.default(100),
  offset: pageNumber.default(0),
  name: z.string().optional(),
  status: z
    .string()
    .toUpperCase()
    .refine(status => status === 'ACTIVE' || status === 'DELETED', 'must be ACTIVE or DELETED')
    .optional(),
});
