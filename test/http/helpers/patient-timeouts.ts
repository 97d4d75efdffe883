import { CLIENT_TIMEOUTS } from '../../../src/http/client-timeouts.js';

const NEVER_MS = 10 * 60_000;

/** Timeouts with which a gateway closes no client that is slow because its machine is; only responses must be taken. */
export const PATIENT_TIMEOUTS = {
  ...CLIENT_TIMEOUTS,
  headersMs: NEVER_MS / 2,
  requestMs: NEVER_MS,
  idleMs: NEVER_MS,
  connectionInitMs: NEVER_MS,
  pingIntervalMs: NEVER_MS,
};
