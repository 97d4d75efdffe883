import type { Answer } from './answer.js';
import { jsonAnswer } from './answer.js';
import type { RequestHead } from './received-request.js';

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** Is this the name or address of this machine's loopback interface? */
export function isLoopback(host: string): boolean {
  return host === '::1' || LOOPBACK_HOST.test(host);
}

/**
 * The refusal of a control request that a browser page may have caused; undefined when there is no such suspicion.
 * A page can reach a loopback port: across origins (it then sends Origin), or under its own name made to point here
 * (then Host is not a loopback one). `isOpen` leaves the second check out, for emulators meant to be reached by name.
 */
export function refuseControlCaller(head: RequestHead, isOpen: boolean): Answer | undefined {
  if (head.headers.has('origin'))
    return jsonAnswer(403, { error: 'Requests of browser pages (with an Origin header) are refused.' });
  if (!isOpen && !isLoopback(head.headers.get('host') ?? ''))
    return jsonAnswer(403, { error: 'The Host header must name a loopback address.' });
  return undefined;
}
