import type { SkewBounds } from '../huawei-cloud/clock-skew.js';
import { isObject, parseJson } from '../lib/json.js';
import { SERVER_ERRORS } from './classify-create.js';
import type { BindingFailureCause, ConnectionTag, HostsSummary, ResourceKind } from './connection.js';
import { CONNECTION_ID, ConnectionKind } from './connection.js';
import type { DecodedElements } from './decoded-elements.js';
import { withoutRepeats } from './decoded-elements.js';
import type { DliError } from './dli-error.js';
import { FieldReader } from './field-reader.js';
import type { SafeResponse } from './safe-request.js';
import type { ConfidentialTexts } from './sanitize.js';
import { readErrorCode, shownMessage, shownTags } from './sanitize.js';

/** A queue that is bound to a connection. Null: DLI did not send the field. */
export interface DescribedQueue {
  name: string | null;
  /** DLI's spelling. */
  state: string | null;
  /** DLI's text about what went wrong, if it may be shown. */
  problem: string | null;
  /** Milliseconds since 1970-01-01 UTC, by DLI's clock. */
  updatedAtMs: number | null;
}

/** What DLI tells about connections of both kinds. Null: DLI did not send the field, or not in a readable form. */
interface DescribedFields {
  /** A UUID. */
  id: string | null;
  name: string | null;
  /** DLI's spelling. Connections in state DELETED stay listed. */
  state: string | null;
  /** Milliseconds since 1970-01-01 UTC, by DLI's clock. */
  createdAtMs: number | null;
  /** Those that may be shown. No manual has them in a response. */
  tags: ConnectionTag[] | null;
}

/** A connection as DLI describes it. */
export type DescribedConnection = DescribedClassicConnection | DescribedEnhancedConnection;

/** A pool or queue that an enhanced connection is bound to. */
export interface DescribedBinding {
  kind: ResourceKind;
  /** In lower case. */
  name: string | null;
  /** DLI's spelling. */
  state: string | null;
  /** The id of the VPC peering. */
  peeringId: string | null;
  /** DLI's text about what went wrong, if it may be shown. */
  problem: string | null;
  /** Why it failed, by DLI's text, whether or not that may be shown. */
  cause: BindingFailureCause | null;
  /** Milliseconds since 1970-01-01 UTC, by DLI's clock. */
  updatedAtMs: number | null;
}

/** An enhanced connection as DLI describes it. */
export interface DescribedEnhancedConnection extends DescribedFields {
  kind: typeof ConnectionKind.ENHANCED;
  vpcId: string | null;
  networkId: string | null;
  isIpv6Enabled: boolean | null;
  /** Whether it is shared with other projects. Only lists have it. */
  isShared: boolean | null;
  hosts: HostsSummary;
  /** Undocumented; null when DLI sent none. */
  routes: DescribedRoute[] | null;
  bindings: DescribedBinding[];
}

/** A route of an enhanced connection. */
export interface DescribedRoute {
  name: string;
  cidr: string;
  createdAtMs: number | null;
}

/** A classic connection as DLI describes it. */
export interface DescribedClassicConnection extends DescribedFields {
  kind: typeof ConnectionKind.CLASSIC;
  /** DLI's spelling. */
  service: string | null;
  /** The url of the create. */
  destination: string | null;
  /** Progress of the creation, 0 to 1. */
  progress: number | null;
  /** DLI's text, if it may be shown. Of a FAILED connection, the reason. */
  message: string | null;
  /** The address by which tables reach the service through the connection. */
  address: string | null;
  clusterName: string | null;
  queues: DescribedQueue[];
}

/** A response without its request id, which is only for the log. */
export type DecodedResponse = Omit<SafeResponse, 'requestId'>;

/** The value for SQL mode, which has no cluster. */
const NO_CLUSTER = '#SQL#';

// Every documented field may be missing.
function describe(fields: FieldReader, id: string | null, confidential: ConfidentialTexts): DescribedClassicConnection {
  const progress = fields.number('process');
  const cluster = fields.text('cluster_name');
  return {
    kind: ConnectionKind.CLASSIC,
    id,
    name: fields.text('name'),
    state: fields.text('state'),
    service: fields.text('service'),
    destination: fields.text('destination'),
    createdAtMs: fields.number('create_time'),
    progress: progress === null ? null : Math.min(1, Math.max(0, progress)),
    // Lists of 2018 have a key that ends in a space.
    message: shownMessage(fields.text('message') || fields.text('message '), confidential),
    address: fields.text('connection_url') || null,
    clusterName: cluster === NO_CLUSTER ? null : cluster || null,
    queues: queuesOf(fields, confidential),
    tags: shownTags(fields.tags('tags'), confidential),
  };
}

// Newer lists have names only; both may be there.
function queuesOf(fields: FieldReader, confidential: ConfidentialTexts): DescribedQueue[] {
  const known = fields.objects('available_queue_info').map(info => ({
    name: info.text('name'),
    state: info.text('status'),
    problem: shownMessage(info.text('err_msg'), confidential),
    updatedAtMs: info.number('update_time'),
  }));
  const names = new Set(known.map(({ name }) => name));
  const others = fields.texts('queue_list').filter(name => !names.has(name));
  return [...known, ...others.map(name => ({ name, state: null, problem: null, updatedAtMs: null }))];
}

/** The fields of a successful response. Undefined when it is not one. */
function readSuccess(
  { status, text, undocumented }: DecodedResponse,
  value = status === 200 ? parseJson(text) : undefined,
): FieldReader | undefined {
  if (!isObject(value)) return undefined;
  const fields = new FieldReader(value, '', undocumented);
  return !hasErrorCode(fields) && fields.isSuccess() === true ? fields : undefined;
}

/** Whether a body is also an error. One that is both success and error is neither. */
function hasErrorCode(fields: FieldReader): boolean {
  return (fields.raw('error_code') ?? null) !== null;
}

/**
 * Parses DLI's response to `GET /v2.0/{project_id}/datasource-connection/{connection_id}`.
 *
 * @param id the requested id, which DLI may leave out of its response
 * @returns undefined when the response does not describe this connection
 */
export function readConnection(response: DecodedResponse, id: string): DescribedConnection | undefined {
  const fields = readSuccess(response);
  if (fields === undefined) return undefined;
  const sentId = fields.raw('connection_id') ?? null;
  if (sentId !== null && (typeof sentId !== 'string' || sentId.toLowerCase() !== id.toLowerCase())) {
    fields.report('connection_id', sentId);
    return undefined;
  }
  const connection = describe(fields, id, response.confidential);
  // An object with neither proves nothing.
  return sentId === null && connection.state === null ? undefined : connection;
}

/** Parses DLI's response to a delete. Undefined when it proves nothing. */
export function readDeletion({ status, text, undocumented }: DecodedResponse): 'deleted' | 'unsuccessful' | undefined {
  if (status < 200 || status > 299) return undefined;
  if (text === '') return 'deleted';
  const value = parseJson(text);
  if (!isObject(value)) return undefined;
  const fields = new FieldReader(value, '', undocumented);
  const isSuccess = hasErrorCode(fields) ? undefined : fields.isSuccess();
  if (isSuccess === undefined) return undefined;
  return isSuccess ? 'deleted' : 'unsuccessful';
}

/** Whether an error code says that there is no such connection. The codes are undocumented guesses. */
export function isNotFound({ status, text }: DecodedResponse): boolean {
  if (status !== 400 && status !== 404) return false;
  const code = readErrorCode(text);
  return code === 'DLI.0002' || code === 'DLI.0023';
}

/**
 * Whether a refused get may mean that there is no such connection, so that the list decides. The words of the error say
 * nothing: they may be of any language.
 */
export function mayMeanAbsence({ status, code, upstreamCode = '' }: DliError): boolean {
  const isAboutRequest = status === 400 || status === 404 || status === 410;
  return isAboutRequest && (code === 'REJECTED' || code === 'UNAVAILABLE') && !UNRELATED_CODES.has(upstreamCode);
}

/** Codes of other causes: server-side errors, missing rights, and operations that are not offered. */
const UNRELATED_CODES: ReadonlySet<string> = new Set([
  ...SERVER_ERRORS,
  'DLI.0007',
  'DLI.0016',
  'DLI.10003',
  'APIG.0101',
  'APIGW.0101',
]);

/** A complete list, and how far DLI's clock is ahead of ours, if known. */
export interface ConnectionList {
  connections: DescribedConnection[];
  skew: SkewBounds | undefined;
}

/**
 * Parses DLI's response to `GET /v2.0/{project_id}/datasource-connection`. Of several elements with one id, the first
 * counts.
 *
 * @param decoded the elements of an earlier list, which are not decoded again
 * @returns undefined when the response is not a complete list and thus proves nothing
 */
export function readConnectionList(
  response: DecodedResponse,
  decoded?: DecodedElements,
): DescribedConnection[] | undefined {
  if (response.status !== 200) return undefined;
  const list = decoded?.parse(response);
  const fields = readSuccess(response, list?.rest);
  const elements = list?.texts ?? fields?.raw('connections');
  if (fields === undefined || !Array.isArray(elements)) {
    fields?.report('connections', elements);
    return undefined;
  }
  const count = fields.number('count');
  // A count that cannot be read may be of a longer list.
  if (count === null ? (fields.raw('count') ?? null) !== null : count > elements.length) return undefined;
  const decode = (element: unknown, index: number) => readElement(element, `connections[${index}]`, response);
  if (decoded === undefined || list === undefined) return withoutRepeats(elements.map(decode));
  return decoded.decode(list, response, decode);
}

function readElement(
  element: unknown,
  path: string,
  { undocumented, confidential }: DecodedResponse,
): DescribedConnection {
  if (!isObject(element)) undocumented.add(path, element);
  const fields = new FieldReader(isObject(element) ? element : {}, `${path}.`, undocumented);
  const sentId = fields.raw('connection_id');
  const hasId = typeof sentId === 'string' && CONNECTION_ID.test(sentId);
  if (!hasId) {
    undocumented.withoutId += 1;
    if (isObject(element)) fields.report('connection_id', sentId);
  }
  return describe(fields, hasId ? sentId : null, confidential);
}
