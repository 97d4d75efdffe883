/** Where a connection stands, by the gateway's names. */
export const ConnectionState = {
  CREATING: 'CREATING',
  ACTIVE: 'ACTIVE',
  FAILED: 'FAILED',
  DELETED: 'DELETED',
  /** A word of DLI's that is none of the documented ones, or none at all. */
  UNKNOWN: 'UNKNOWN',
} as const;

/** One of {@link ConnectionState}. */
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

/** The state that a word of DLI's means. */
export function stateOfWireName(wireName: string | null): ConnectionState {
  const name = wireName?.toUpperCase() ?? '';
  return name in ConnectionState ? (name as ConnectionState) : ConnectionState.UNKNOWN;
}
