import { validateHeaderName, validateHeaderValue } from 'node:http';
import { z } from 'zod';
import { documentedErrorResponse, findDocumentedError } from './errors.js';
import { describeProblems } from './options.js';
import type { EmulatedResponse } from './respond.js';
import { jsonResponse, textResponse } from './respond.js';
import type { LedgerOperation } from './routes.js';
import { OPERATIONS } from './routes.js';

/** How a response is brought to the caller, or how it fails to be. */
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

/** The shape of a fault, in code and through the control API alike. Unknown keys are refused. */
export const faultSchema = z
  .strictObject({
    /** Which requests it hits; `any` includes those that no operation understands. */
    operation: z.enum([...OPERATIONS, 'any']),
    /** Only creates of a connection of this name; looked at after the faults without a name. */
    name: z.string().optional(),
    /** How many matching requests it hits. Default 1; 0 = until cleared. */
    times: count.optional(),
    /** How many matching requests pass before it starts. Default 0. */
    skip: count.optional(),
    /**
     * Is the real operation carried out as well? Default false,
     * except for a fault that only delays or adds headers: there the normal response follows.
     */
    apply: z.boolean().optional(),
    /** Milliseconds between carrying out and answering. Default 0. */
    delayMs: milliseconds.optional(),
    /** Response status. Without `body` or `error` the body is empty. */
    status: z.int().min(200).max(599).optional(),
    /** Headers to add or replace. */
    headers: z
      .record(z.string(), z.string())
      .refine(areValidHeaders, 'is not a valid set of headers')
      .optional(),
    /** Response body: a text as it is, anything else as JSON. */
    body: z.union([z.string(), z.custom<object>(isObject, 'must be a string or an object')]).optional(),
    /** A documented code (`APIGW.0308`, `DLI.0999`, `IAM.0012`, ...) that fills status and body. */
    error: z
      .string()
      .refine(code => findDocumentedError(code) !== undefined, 'is not a documented error code')
      .optional(),
    /** How the response is sent. Default `answer`. */
    behaviour: z.enum(BEHAVIOURS).optional(),
    /** With `truncate`: how many body bytes are sent. Default half of them. */
    truncateAt: count.optional(),
    /** With `truncate`: cut in the middle of a chunk instead of below Content-Length. Default false. */
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
  .refine(fault => fault.name === undefined || fault.operation === 'createConnection', {
    path: ['name'],
    message: 'is possible with createConnection only',
  })
  .refine(fault => fault.name === undefined || fault.behaviour !== 'resetBeforeBody', {
    path: ['name'],
    message: 'is impossible with resetBeforeBody, where the body is never read',
  })
  .refine(fault => fault.body === undefined || fault.error === undefined, {
    path: ['error'],
    message: 'cannot be combined with body',
  });

/** One scripted fault: which requests it hits, whether they are carried out, and what the caller gets. */
export type Fault = z.input<typeof faultSchema>;

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

/** A fault that waits for requests, and how many it will still let pass and hit (`null` = until cleared). */
export interface QueuedFault {
  readonly fault: Fault;
  readonly passesLeft: number;
  readonly hitsLeft: number | null;
}

/** Scripted faults in the order in which they were added. */
export class FaultQueue {
  #queue: { fault: Fault; passesLeft: number; hitsLeft: number }[] = [];

  /**
   * Adds a fault behind the others.
   * @throws {TypeError} when it is not a well-formed fault; the message names each bad key.
   */
  add(fault: Fault): void {
    const result = faultSchema.safeParse(fault);
    if (!result.success) throw new TypeError(`Bad fault: ${describeProblems(result.error).join('; ')}`);
    const { skip = 0, times = 1 } = result.data;
    this.#queue.push({
      fault: result.data,
      passesLeft: skip,
      hitsLeft: times === 0 ? Number.POSITIVE_INFINITY : times,
    });
  }

  /**
   * The first fault that hits a request for this operation, counted as used.
   *
   * @param name takes from the faults for this name; without it, from those for any
   */
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

  /** What still waits. */
  list(): QueuedFault[] {
    return this.#queue.map(({ fault, passesLeft, hitsLeft }) => ({
      fault,
      passesLeft,
      hitsLeft: Number.isFinite(hitsLeft) ? hitsLeft : null,
    }));
  }

  /** Drops all faults; requests that were already hit stay so. */
  clear(): void {
    this.#queue = [];
  }
}

/** The response that a fault dictates; undefined when it dictates only how, or when, the real one is sent. */
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

/** Does this fault leave the operation and the content of its response alone, so that it is carried out by default? */
export function isOnlyDelayOrHeaders(fault: Fault): boolean {
  const { behaviour = 'answer', status, body, error, redirectTo } = fault;
  return behaviour === 'answer' && [status, body, error, redirectTo].every(value => value === undefined);
}

function usualStatus(operation: LedgerOperation): number {
  return operation === 'createConnection' || operation === 'issueToken' ? 201 : 200;
}

function contentTypeOf(body: string): Record<string, string> {
  if (body === '') return {};
  return { 'content-type': body.startsWith('<') ? 'text/html' : 'application/json' };
}
