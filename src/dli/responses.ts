import type { SkewEstimate } from '../huawei-cloud/clock-skew.js';
import { isObject, parseJson } from '../lib/json.js';
import { SERVER_ERRORS } from './classify-create.js';
import type { BindingFailureCause, ConnectionKind, ConnectionTag, HostsSummary, ResourceKind } from './connection.js';
import { CONNECTION_ID } from './connection.js';
import type { DecodedElements } from './decoded-elements.js';
import { withoutRepeats } from './decoded-elements.js';
import type { DliError } from './dli-error.js';
import { NOT_OFFERED_CODES } from './dli-error.js';
import { FieldReader } from './field-reader.js';
import type { CompleteResponse } from './repeatable-request.js';
import type { ConfidentialTexts } from './sanitize.js';

/** The most that a response may have, unless it is a list, in bytes. */
export const MAX_RESPONSE_BYTES = 1024 * 1024;
/** The most that a list may have, in bytes. */
export const MAX_LIST_RESPONSE_BYTES = 16 * 1024 * 1024;

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

/** The fields of connections of both kinds. Null: DLI did not send the field, or not in a readable form. */
interface DescribedFields {
  /** A UUID. */
  id: string | null;
  name: string | null;
  /** DLI's spelling. Connections in state DELETED stay listed. */
  state: string | null;
  /** Milliseconds since 1970-01-01 UTC, by DLI's clock. */
  createdAtMs: number | null;
  /** The tags that may be shown. No manual documents them in a response. */
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
  /** Why it failed, according to DLI's text, whether or not that may be shown. */
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
  /** False when there may be bindings that could not be read. */
  areBindingsKnown: boolean;
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
  /** DLI's text, if it may be shown. For a FAILED connection, the reason. */
  message: string | null;
  /** The address by which tables reach the service through the connection. */
  address: string | null;
  clusterName: string | null;
  queues: DescribedQueue[];
}

/** A response without its request id, which is only for the log. */
export type DecodedResponse = Omit<CompleteResponse, 'requestId'>;

/** Decodes one kind of connections in responses. */
export interface ConnectionDecoder {
  /** The field that holds the id. */
  idField: string;
  /** Reads the other fields, each of which may be missing. */
  describe(fields: FieldReader, id: string | null, confidential: ConfidentialTexts): DescribedConnection;
}

/** The fields of a successful response. Undefined when it is not one. */
export function readSuccess(
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
 * The fields of a successful response to the get of a connection. Undefined when it describes another connection.
 *
 * @param id the requested id, which DLI may leave out of its response
 */
export function readFieldsOf(response: DecodedResponse, idField: string, id: string): FieldReader | undefined {
  const fields = readSuccess(response);
  const sentId = fields?.raw(idField) ?? null;
  if (sentId === null || (typeof sentId === 'string' && sentId.toLowerCase() === id.toLowerCase())) return fields;
  fields?.report(idField, sentId);
  return undefined;
}

/**
 * Parses DLI's response to the get of a connection.
 *
 * @param id the requested id
 * @returns undefined when the response does not describe this connection
 */
export function readConnection(
  response: DecodedResponse,
  { idField, describe }: ConnectionDecoder,
  id: string,
): DescribedConnection | undefined {
  const fields = readFieldsOf(response, idField, id);
  if (fields === undefined) return undefined;
  const connection = describe(fields, id, response.confidential);
  // An object with neither an id nor a state proves nothing.
  return (fields.raw(idField) ?? null) === null && connection.state === null ? undefined : connection;
}

/** Parses DLI's response to a request that changes something. Undefined when it proves nothing. */
export function readChange({ status, text, undocumented }: DecodedResponse): 'done' | 'unsuccessful' | undefined {
  if (status < 200 || status > 299) return undefined;
  if (text === '') return 'done';
  const value = parseJson(text);
  if (!isObject(value)) return undefined;
  const fields = new FieldReader(value, '', undocumented);
  const isSuccess = hasErrorCode(fields) ? undefined : fields.isSuccess();
  if (isSuccess === undefined) return undefined;
  return isSuccess ? 'done' : 'unsuccessful';
}

/**
 * Whether a refused get may mean that there is no such connection, so that the list decides. The error message proves
 * nothing: it may be in any language.
 */
export function mayMeanAbsence({ status, code, upstreamCode = '' }: DliError): boolean {
  const isAboutRequest = status === 400 || status === 404 || status === 410;
  return isAboutRequest && (code === 'REJECTED' || code === 'UNAVAILABLE') && !UNRELATED_CODES.has(upstreamCode);
}

/** Codes that have other causes: server-side errors, missing rights, and operations that are not offered. */
const UNRELATED_CODES: ReadonlySet<string> = new Set([...SERVER_ERRORS, ...NOT_OFFERED_CODES, 'DLI.0016']);

/** A complete list, and how far DLI's clock is ahead of ours, if known. */
export interface ConnectionList {
  connections: DescribedConnection[];
  skew: SkewEstimate | undefined;
}

/**
 * Parses DLI's response to a list of connections. If several elements have the same id, the first wins.
 *
 * @param decoded the elements of an earlier list, which are not decoded again
 * @returns undefined when the response is not a complete list and thus proves nothing
 */
export function readConnectionList(
  response: DecodedResponse,
  decoder: ConnectionDecoder,
  decoded?: DecodedElements,
): DescribedConnection[] | undefined {
  if (response.status !== 200) return undefined;
  const list = decoded?.parse(response);
  const fields = readSuccess(response, list?.rest);
  const elements = list?.texts ?? fields?.raw('connections');
  if (fields === undefined || !isComplete(elements, fields, 'connections')) return undefined;
  const decode = (element: unknown, index: number) => readElement(element, index, response, decoder);
  if (decoded === undefined || list === undefined) return withoutRepeats(elements.map(decode));
  return decoded.decode(list, response, decode);
}

/** The requested range of elements. */
interface PageBounds {
  offset: number;
  limit: number;
}

const WHOLE_LIST: PageBounds = { offset: 0, limit: Number.POSITIVE_INFINITY };

/**
 * Parses one page of a list of connections. It may have several elements with the same id.
 *
 * @returns undefined when the response is not a complete page
 */
export function readPage(
  response: DecodedResponse,
  decoder: ConnectionDecoder,
  bounds: PageBounds,
): DescribedConnection[] | undefined {
  const fields = readSuccess(response);
  const elements = fields?.raw('connections');
  if (fields === undefined || !isComplete(elements, fields, 'connections', bounds)) return undefined;
  return elements.map((element, index) => readElement(element, index, response, decoder));
}

/**
 * The elements of a list of other objects. Undefined when the response is not complete.
 *
 * @param name the field that holds the list
 * @param bounds default: the whole list
 */
export function readList(response: DecodedResponse, name: string, bounds = WHOLE_LIST): FieldReader[] | undefined {
  const fields = readSuccess(response);
  return fields !== undefined && isComplete(fields.raw(name), fields, name, bounds) ? fields.objects(name) : undefined;
}

/** Whether there are as many elements as `count` says, which may be for the whole list even in a page. */
function isComplete(
  elements: unknown,
  fields: FieldReader,
  name: string,
  { offset, limit } = WHOLE_LIST,
): elements is unknown[] {
  if (!Array.isArray(elements)) {
    fields.report(name, elements);
    return false;
  }
  const count = fields.number('count');
  // A count that cannot be read may belong to a longer list.
  if (count === null) return (fields.raw('count') ?? null) === null;
  return count <= offset + elements.length || elements.length >= limit;
}

function readElement(
  element: unknown,
  index: number,
  { undocumented, confidential }: DecodedResponse,
  { idField, describe }: ConnectionDecoder,
): DescribedConnection {
  const path = `connections[${index}]`;
  if (!isObject(element)) undocumented.add(path, element);
  const fields = new FieldReader(isObject(element) ? element : {}, `${path}.`, undocumented);
  const sentId = fields.raw(idField);
  const hasId = typeof sentId === 'string' && CONNECTION_ID.test(sentId);
  if (!hasId) {
    undocumented.withoutId += 1;
    if (isObject(element)) fields.report(idField, sentId);
  }
  return describe(fields, hasId ? sentId : null, confidential);
}
