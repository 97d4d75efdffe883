import type { BindingFailureCause, HostMapping, HostsSummary } from './connection.js';
import { ConnectionKind, ResourceKind, stateOfWireName } from './connection.js';
import type { FieldReader } from './field-reader.js';
import { summarizeHosts } from './hosts-filter.js';
import type {
  ConnectionDecoder,
  DecodedResponse,
  DescribedBinding,
  DescribedEnhancedConnection,
  DescribedRoute,
} from './responses.js';
import { readFieldsOf } from './responses.js';
import type { ConfidentialTexts } from './sanitize.js';
import { readError, shownMessage, shownTags } from './sanitize.js';

const ID_FIELD = 'id';
const BINDING_FIELDS = ['elastic_resource_pools', 'available_queue_info'] as const;

// Every documented field may be missing.
function describe(
  fields: FieldReader,
  id: string | null,
  confidential: ConfidentialTexts,
): DescribedEnhancedConnection {
  const isPrivate = fields.flag('isPrivis');
  const bindings = [
    ...bindingsOf(fields, 'elastic_resource_pools', ResourceKind.ELASTIC_RESOURCE_POOL, confidential),
    ...bindingsOf(fields, 'available_queue_info', ResourceKind.QUEUE, confidential),
  ];
  return {
    kind: ConnectionKind.ENHANCED,
    id,
    name: fields.text('name'),
    state: fields.text('status'),
    createdAtMs: fields.number('create_time'),
    vpcId: fields.text('dest_vpc_id'),
    networkId: fields.text('dest_network_id'),
    isIpv6Enabled: fields.flag('ipv6_enable'),
    isShared: isPrivate === null ? null : !isPrivate,
    hosts: hostsOf(fields),
    routes: routesOf(fields),
    bindings,
    areBindingsKnown: countBindings(fields) === bindings.length,
    tags: shownTags(fields.tags('tags'), confidential),
  };
}

/** Decodes `GET /v2.0/{project_id}/datasource/enhanced-connections/{connection_id}` and the elements of lists. */
export const ENHANCED_DECODER: ConnectionDecoder = { idField: ID_FIELD, describe };

/** The number of bindings in a response, readable or not. Undefined if that is not known. */
function countBindings(fields: FieldReader): number | undefined {
  const lists = BINDING_FIELDS.map(field => fields.raw(field) ?? null).filter(list => list !== null);
  if (lists.length === 0 || !lists.every(Array.isArray)) return undefined;
  return lists.flat().length;
}

/** Entries without a name cannot be told apart, so they are left out. */
function bindingsOf(
  fields: FieldReader,
  field: string,
  kind: ResourceKind,
  confidential: ConfidentialTexts,
): DescribedBinding[] {
  return fields.objects(field).flatMap(entry => {
    const name = entry.requiredText('name');
    if (name === null) return [];
    const state = entry.text('status');
    const text = entry.text('err_msg');
    return {
      kind,
      name: name.toLowerCase(),
      state,
      peeringId: entry.text('peer_id') || null,
      problem: shownMessage(text, confidential),
      cause: stateOfWireName(state) === 'FAILED' ? causeOf(text ?? '') : null,
      updatedAtMs: entry.number('update_time'),
    };
  });
}

/** The first match wins. DLI also reports a missing permission as a subnet that it cannot find. */
const CAUSES: readonly (readonly [cause: BindingFailureCause, ...patterns: RegExp[]])[] = [
  ['AGENCY_PERMISSION_MISSING', /could not be found|get subnet|permission|not authorized|agency/i],
  ['CIDR_OVERLAP', /overlap|conflict/i, /cidr|segment|subnet/i],
  ['ROUTE_CONFLICT', /route/i],
  ['NETWORK_QUOTA', /quota|exceed/i],
];

/** Why a binding failed, according to DLI's text, which is not part of its API. */
function causeOf(text: string): BindingFailureCause {
  const [cause = 'OTHER'] = CAUSES.find(([, ...patterns]) => patterns.every(pattern => pattern.test(text))) ?? [];
  return cause;
}

/** The hosts, which {@link HostsFilter} has already summarized unless their form is unusual. */
function hostsOf(fields: FieldReader): HostsSummary {
  const sent = fields.raw('hosts') ?? [];
  if (Array.isArray(sent)) return summarizeHosts(sent);
  const summary = fields.object('hosts');
  const [count, version] = [summary?.raw('count'), summary?.raw('version')];
  if (typeof count === 'number' && typeof version === 'string') return { count, version };
  fields.report('hosts', sent);
  return summarizeHosts([]);
}

function routesOf(fields: FieldReader): DescribedRoute[] | null {
  if ((fields.raw('routes') ?? null) === null) return null;
  return fields.objects('routes').flatMap(route => {
    const [name, cidr] = [route.requiredText('name'), route.requiredText('cidr')];
    return name === null || cidr === null ? [] : { name, cidr, createdAtMs: route.number('create_time') };
  });
}

/**
 * Parses the hosts of DLI's response to the get of a connection, in its order. Entries without a name or an address are
 * left out.
 *
 * @param id the requested id
 * @returns undefined when the response does not describe this connection
 */
export function readHosts(response: DecodedResponse, id: string): HostMapping[] | undefined {
  const fields = readFieldsOf(response, ID_FIELD, id);
  if (fields === undefined) return undefined;
  if ([ID_FIELD, 'status', 'hosts'].every(field => (fields.raw(field) ?? null) === null)) return undefined;
  return fields.objects('hosts').flatMap(entry => {
    const [name, ip] = [entry.requiredText('name'), entry.requiredText('ip')];
    return name === null || ip === null ? [] : { name, ip };
  });
}

/** Whether an error says that there is no such connection. Not all of the codes are documented. */
export function isEnhancedNotFound({ status, text }: DecodedResponse): boolean {
  if (status !== 400 && status !== 404) return false;
  const { code, message } = readError(text);
  if (code === 'DLI.0002' || code === 'DLI.0023') return true;
  return status === 400 && code === 'DLI.0001' && /not exist/i.test(message);
}
