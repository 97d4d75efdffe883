import { randomUUID } from 'node:crypto';
import { on } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate as nextIteration } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorCodes } from 'fastify';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { findInputVariable, isHostList } from '../graphql/long-host-list.js';
import type { GraphqlRequest } from '../graphql/subscriptions.js';
import type { TrustedDocuments } from '../graphql/trusted-documents.js';
import { isObject, parseJson } from '../lib/json.js';
import { JsonArrayFilter } from '../lib/json-array-filter.js';
import { contextOf } from './authentication.js';
import type { HttpErrorName } from './errors.js';
import { sendHttpError } from './errors.js';
import {
  acceptsEventStream,
  declaresJson,
  MAX_BODY_BYTES,
  MAX_HOST_LIST_VALUES,
  MAX_LARGE_BODY_BYTES,
  validateBody,
} from './request-validation.js';

/** Large bodies in the process, from their headers to their responses. Each needs some 20 MB of memory. */
const MAX_LARGE_BODIES = 4;
const RETRY_AFTER_SECONDS = 5;

const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;

/** The request decorator of a {@link HostList}; register it before the server starts. */
export const HOST_LIST_DECORATOR = 'hostList';

/** An array that was taken out of a body, and its placeholder. */
interface HostList {
  placeholder: string;
  /** The text of the array, or the array. */
  hosts: Buffer | readonly unknown[];
}

/** A validated request that, except for its hosts, is within the limits of requests. */
export interface RequestWithHosts extends GraphqlRequest {
  hosts?: NonNullable<RequestContext['hosts']>;
}

/**
 * Lets a create of an enhanced connection have a body of up to 4 MiB, if only its list of hosts exceeds the limits of
 * requests. The body must declare its length, and a tenant may send one at a time; whatever the headers do not permit
 * is refused before the body is read.
 *
 * The list is taken out of the body while it arrives, and bypasses graphql-js, which 20,000 hosts would keep busy for a
 * tenth of a second without a pause.
 */
export class LargeBodies {
  readonly #tenants = new Set<string>();

  /** Responds with an error to a request that may not have a large body, or not now. Needs the headers only. */
  admit(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    if (!mayBeLarge(request)) return sendHttpError(reply, 'payloadTooLarge');
    const { tenant } = contextOf(request).caller;
    if (this.#tenants.has(tenant)) return sendHttpError(reply, 'tooManyLargeBodies', RETRY_AFTER_SECONDS);
    if (this.#tenants.size >= MAX_LARGE_BODIES) return sendHttpError(reply, 'overloaded', RETRY_AFTER_SECONDS);
    // The client may have disconnected already.
    if (reply.raw.destroyed) return undefined;
    this.#tenants.add(tenant);
    reply.raw.once('close', () => this.#tenants.delete(tenant));
    return undefined;
  }

  /** Reads a large body. Resolves with what remains for its parser, without the list. */
  async read(request: FastifyRequest): Promise<Readable> {
    const list: HostList = { placeholder: randomUUID(), hosts: Buffer.alloc(0) };
    const rest = await readWithoutHosts(request.raw, list);
    request.setDecorator<HostList>(HOST_LIST_DECORATOR, list);
    // Otherwise the parser would compare the length with that of the rest.
    request.headers = { ...request.headers, 'content-length': undefined };
    return Readable.from([rest]);
  }
}

/**
 * Completes the validation of a POST that has a large body, or too many values. If it is a create that may have that
 * many hosts, they are returned separately, and the list in the variables is empty.
 *
 * @param validated the result of {@link validateBody} for the body
 */
export async function validateLongHosts(
  request: FastifyRequest,
  validated: GraphqlRequest | HttpErrorName,
  documents: TrustedDocuments | undefined,
): Promise<RequestWithHosts | HttpErrorName> {
  const large = request.getDecorator<HostList | null>(HOST_LIST_DECORATOR);
  if (large !== null) return typeof validated === 'string' ? validated : addHosts(validated, large, 'payloadTooLarge');
  if (acceptsEventStream(request.headers)) return validated;
  const [body, list] = takeHosts(request.body);
  if (list === undefined) return validated;
  const rest = validateBody(body, documents);
  return typeof rest === 'string' ? rest : addHosts(rest, list, 'tooManyJsonValues');
}

// A GET, a stream or another content type cannot have a large body.
function mayBeLarge(request: FastifyRequest): boolean {
  const { headers } = request;
  return (
    Number(headers['content-length']) <= MAX_LARGE_BODY_BYTES &&
    declaresJson(headers) &&
    !acceptsEventStream(headers) &&
    contextOf(request).caller.roles.has('create')
  );
}

/** Reads a body except for its long array of hosts, which it stores in `list`. */
async function readWithoutHosts(request: IncomingMessage, list: HostList): Promise<Buffer> {
  // Without a shorter array, the rest would be too large all the same.
  const minArrayBytes = Number(request.headers['content-length']) - MAX_BODY_BYTES;
  let isTaken = false;
  const filter = new JsonArrayFilter({
    key: 'hosts',
    maxArrayBytes: MAX_LARGE_BODY_BYTES,
    replace(array) {
      if (isTaken || array.length < minArrayBytes) return array;
      isTaken = true;
      list.hosts = Buffer.from(array);
      return Buffer.from(JSON.stringify(list.placeholder));
    },
  });
  // An event that was already emitted would not come again.
  if (request.destroyed) throw new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH();
  const kept: Buffer[] = [];
  let keptBytes = 0;
  const keep = (bytes: Buffer) => {
    kept.push(bytes);
    keptBytes += bytes.length;
    if (keptBytes > MAX_BODY_BYTES) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
  };
  try {
    for await (const [chunk] of on(request, 'data', { close: ['end'] })) keep(filter.write(chunk));
  } catch (error) {
    // The client has disconnected, which is no fault of the gateway.
    if (request.errored !== null) throw new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH();
    throw error;
  }
  keep(filter.end());
  return Buffer.concat(kept);
}

/** Takes the first list of hosts out of the variables of a parsed body. */
function takeHosts(body: unknown): [body: unknown, list?: HostList] {
  const variables = isObject(body) ? body['variables'] : undefined;
  if (!isObject(body) || !isObject(variables)) return [body];
  for (const [name, value] of Object.entries(variables)) {
    const hosts = isObject(value) ? value['hosts'] : undefined;
    if (!isObject(value) || !Array.isArray(hosts)) continue;
    const placeholder = randomUUID();
    const rest = { ...body, variables: { ...variables, [name]: { ...value, hosts: placeholder } } };
    return [rest, { placeholder, hosts }];
  }
  return [body];
}

/** Adds the hosts that were taken out of a request. Returns `error` when it may not have that many. */
async function addHosts(
  request: GraphqlRequest,
  { placeholder, hosts: taken }: HostList,
  error: HttpErrorName,
): Promise<RequestWithHosts | HttpErrorName> {
  const { query, variables = {} } = request;
  const name = findInputVariable(query);
  const input = name === undefined ? undefined : variables[name];
  if (name === undefined || !isObject(input) || input['hosts'] !== placeholder) return error;
  if (Buffer.isBuffer(taken) && countValues(taken) > MAX_HOST_LIST_VALUES) return 'tooManyHostListValues';
  const hosts = Buffer.isBuffer(taken) ? parseJson(taken.toString()) : taken;
  if (hosts === undefined) return 'badRequest';
  if (!isHostList(hosts)) return 'invalidHosts';
  // What follows is as much work again.
  await nextIteration();
  return { ...request, hosts, variables: { ...variables, [name]: { ...input, hosts: [] } } };
}

/** An upper bound of the number of values in a JSON text. */
function countValues(text: Buffer): number {
  let count = 0;
  // An iterator would take 6 times as long.
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at];
    if (byte === COMMA || byte === OPEN_ARRAY || byte === OPEN_OBJECT) count += 1;
  }
  return count;
}
