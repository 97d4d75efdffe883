const HOUR_MS = 3_600_000;

/**
 * How long records are kept, in milliseconds: from the moment of the answer, and until there is one from the moment
 * before the request was sent. Published in the README.
 */
export const RETENTION_MS = {
  SUCCEEDED: 72 * HOUR_MS,
  // That a tenant asked to delete a connection.
  DELETION: 72 * HOUR_MS,
  REJECTED: 24 * HOUR_MS,
  UNKNOWN: 7 * 24 * HOUR_MS,
  // Until it is answered a record may turn out unknown.
  SENDING: 7 * 24 * HOUR_MS,
} as const;
