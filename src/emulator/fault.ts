import { validateHeaderName, validateHeaderValue } from 'node:http';
import { z } from 'zod';
import { findDocumentedError } from './error-tables.js';
import { OPERATIONS } from './operation.js';

/** How an answer is brought to the caller, or how it fails to be. */
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
     * except for a fault that only delays or adds headers: there the normal answer follows.
     */
    apply: z.boolean().optional(),
    /** Milliseconds between carrying out and answering. Default 0. */
    delayMs: milliseconds.optional(),
    /** Status to answer with. Without `body` or `error` the body is empty. */
    status: z.int().min(200).max(599).optional(),
    /** Headers to add or replace. */
    headers: z
      .record(z.string(), z.string())
      .refine(areValidHeaders, 'is not a valid set of headers')
      .optional(),
    /** Body to answer with: a text as it is, anything else as JSON. */
    body: z.union([z.string(), z.custom<object>(isObject, 'must be a string or an object')]).optional(),
    /** A documented code (`APIGW.0308`, `DLI.0999`, `IAM.0012`, ...) that fills status and body. */
    error: z
      .string()
      .refine(code => findDocumentedError(code) !== undefined, 'is not a documented error code')
      .optional(),
    /** How the answer is sent. Default `answer`. */
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
