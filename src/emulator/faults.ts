import { validateHeaderName, validateHeaderValue } from 'node:http';
import { z } from 'zod';
import { documentedErrorResponse, findDocumentedError } from './errors.js';
import type { EmulatedResponse } from './respond.js';
import { jsonResponse, textResponse } from './respond.js';
import type { LedgerOperation } from './routes.js';
import { OPERATIONS } from './routes.js';
import { describeProblems } from './settings.js';

/** How a response is sent or fails. */
const BEHAVIOURS = [
  'answer',
  'hang',
  'resetBeforeBody',
  'reset',
  'close',
  'resetDuringAnswer',
  'truncate',
  'drip',
  'huge',
] as const;

const count = z.int().min(0);
// Node's timers turn longer delays into 1 ms.
const milliseconds = z.int().min(0).max(2_147_483_647);

/** Schema of a fault, in code and in the control API. Unknown keys are refused. */
export const faultSchema = z
  .strictObject({
    /** The affected operation; `any` includes requests to unknown routes. */
    operation: z.enum([...OPERATIONS, 'any']),
    /** Only affects creates of a connection of this name. Faults without a name take precedence. */
    name: z.string().optional(),
    /** Number of affected requests. Default 1; 0 = until cleared. */
    times: count.optional(),
    /** Number of matching requests to skip first. Default 0. */
    skip: count.optional(),
    /** Whether the operation is executed all the same. Default: only if the fault just delays or adds headers. */
    apply: z.boolean().optional(),
    /** Delay of the response in milliseconds. Default 0. */
    delayMs: milliseconds.optional(),
    /** Response status. Without `body` or `error` the body is empty. */
    status: z.int().min(200).max(599).optional(),
    /** Headers to add or replace. */
    headers: z.record(z.string(), z.string()).refine(areValidHeaders, 'is not a valid set of headers').optional(),
    /** Response body: a string is sent as it is, an object as JSON. */
    body: z.union([z.string(), z.custom<object>(isObject, 'must be a string or an object')]).optional(),
    /** A documented code (`APIGW.0308`, `DLI.0999`, `IAM.0012`, ...) that determines status and body. */
    error: z
      .string()
      .refine(code => findDocumentedError(code) !== undefined, 'is not a documented error code')
      .optional(),
    /** How the response is sent. Default `answer`. */
    behaviour: z.enum(BEHAVIOURS).optional(),
    /** With `truncate`: number of body bytes to send. Default: half of them. */
    truncateAt: count.optional(),
    /** With `truncate`: break off within a chunk instead of before Content-Length is reached. Default false. */
    chunked: z.boolean().optional(),
    /** With `drip`: milliseconds per body byte. Default 200. */
    dripMs: milliseconds.optional(),
    /** With `huge`: size of the body in bytes. Default 100 MB. */
    hugeBytes: count.optional(),
    /** With a status of 3xx (default 302): the Location header. */
    redirectTo: z
      .string()
      .refine(value => areValidHeaders({ location: value }), 'is not a valid header value')
      .optional(),
  })
  .refine(fault => !(fault.behaviour === 'resetBeforeBody' && fault.apply), {
    path: ['apply'],
    message: 'is impossible with resetBeforeBody, where the body is never read',
  })
  .refine(fault => fault.name === undefined || isCreate(fault.operation), {
    path: ['name'],
    message: 'is possible with creates only',
  })
  .refine(fault => fault.name === undefined || fault.behaviour !== 'resetBeforeBody', {
    path: ['name'],
    message: 'is impossible with resetBeforeBody, where the body is never read',
  })
  .refine(fault => fault.body === undefined || fault.error === undefined, {
    path: ['error'],
    message: 'cannot be combined with body',
  });

/** A scripted fault: the affected requests, whether they are executed, and the response. */
export type Fault = z.input<typeof faultSchema>;

function isCreate(operation: LedgerOperation | 'any'): boolean {
  return operation === 'createConnection' || operation === 'createEnhancedConnection';
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function areValidHeaders(headers: Record<string, string>): boolean {
  try {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return true;
  } catch {
    return false;
  }
}

/** A queued fault with the numbers of requests that it still skips and affects (`Infinity` = until cleared). */
interface QueuedFault {
  readonly fault: Fault;
  passesLeft: number;
  hitsLeft: number;
}

/** FIFO queue of scripted faults. */
export class FaultQueue {
  #queue: QueuedFault[] = [];

  /**
   * Appends a fault.
   * @throws {TypeError} if the fault is invalid; the message names each invalid key
   */
  add(fault: Fault): void {
    const result = faultSchema.safeParse(fault);
    if (!result.success) throw new TypeError(`Bad fault: ${describeProblems(result.error).join('; ')}`);
    const { skip = 0, times = 1 } = result.data;
    const hitsLeft = times === 0 ? Number.POSITIVE_INFINITY : times;
    this.#queue.push({ fault: result.data, passesLeft: skip, hitsLeft });
  }

  /** Takes the first fault for a request and counts it as used: one for `name`, or by default one without a name. */
  take(operation: LedgerOperation, name?: string): Fault | undefined {
    for (const queued of this.#queue) {
      if (queued.fault.name !== name) continue;
      if (queued.fault.operation !== 'any' && queued.fault.operation !== operation) continue;
      if (queued.passesLeft > 0) {
        queued.passesLeft -= 1;
        continue;
      }
      queued.hitsLeft -= 1;
      if (queued.hitsLeft === 0) this.#queue = this.#queue.filter(other => other !== queued);
      return queued.fault;
    }
    return undefined;
  }

  /** Lists the queued faults. JSON turns an infinite `hitsLeft` into null. */
  list(): readonly QueuedFault[] {
    return this.#queue;
  }

  /** Removes all faults. Requests that already took a fault are not affected. */
  clear(): void {
    this.#queue = [];
  }
}

/** Builds the response of a fault; undefined if the fault only changes how or when the real response is sent. */
export function scriptedResponse(
  fault: Fault,
  operation: LedgerOperation,
  requestId: string,
): EmulatedResponse | undefined {
  const { body, error, redirectTo } = fault;
  const location: Record<string, string> = redirectTo === undefined ? {} : { location: redirectTo };
  if (error !== undefined) return documentedErrorResponse(error, requestId, fault.status);
  const status = fault.status ?? (redirectTo === undefined ? usualStatus(operation) : 302);
  if (typeof body === 'object') return jsonResponse(status, body, location);
  if (body !== undefined) return textResponse(status, body, { ...contentTypeOf(body), ...location });
  if (fault.status !== undefined || redirectTo !== undefined) return textResponse(status, '', location);
  return undefined;
}

/** Whether a fault only delays the response or adds headers, so that the operation is executed by default. */
export function isOnlyDelayOrHeaders(fault: Fault): boolean {
  const { behaviour = 'answer', status, body, error, redirectTo } = fault;
  return behaviour === 'answer' && [status, body, error, redirectTo].every(value => value === undefined);
}

function usualStatus(operation: LedgerOperation): number {
  return isCreate(operation) || operation === 'issueToken' ? 201 : 200;
}

function contentTypeOf(body: string): Record<string, string> {
  if (body === '') return {};
  return { 'content-type': body.startsWith('<') ? 'text/html' : 'application/json' };
}
