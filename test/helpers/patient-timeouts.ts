import { CLIENT_TIMEOUTS } from '../../src/http/client-timeouts.js';

const NEVER_MS = 10 * 60_000;

/** Timeouts for clients on a slow machine: a gateway closes only those that do not read their responses. */
export const PATIENT_TIMEOUTS = {
  ...CLIENT_TIMEOUTS,
  headersMs: NEVER_MS / 2,
  requestMs: NEVER_MS,
  idleMs: NEVER_MS,
  connectionInitMs: NEVER_MS,
  pingIntervalMs: NEVER_MS,
};
