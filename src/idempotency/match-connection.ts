import { serviceOfWireName, stateOfWireName } from '../dli/connection.js';
import type { ConnectionList, DescribedConnection } from '../dli/responses.js';
import type { OperationRecord } from '../operation-store/record-format.js';

/**
 * How a connection was recognised in the list: by the marker tag of the create, or because name, network or address,
 * and time agree.
 */
// Stored: do not rename.
type Recognition = 'LABEL' | 'LIKENESS';

/**
 * Why a list does not show a create's connection.
 *
 * `nearMiss`: one was made minutes before or after. `ambiguous`: several connections match, or one that may belong to
 * another client. `incomplete`: the list lacks fields of one that may match. `unreadable`: there was no list.
 */
export interface NotFound {
  kind: 'absent' | 'nearMiss' | 'ambiguous' | 'incomplete' | 'unreadable';
}

/** The result of looking for a create in a list. */
export type Match = Found | NotFound;

/** A create's connection. */
export interface Found {
  kind: 'found';
  connectionId: string;
  recognisedBy: Recognition;
}

/** When a create may have made its connection: epoch milliseconds, by our clock. */
interface TimeSpan {
  fromMs: number;
  untilMs: number;
}

type SkewBounds = NonNullable<ConnectionList['skew']>['possible'];

type Wanted = OperationRecord['wanted'];

/** Connections within this distance of the create prevent a decision, in milliseconds. */
const NEAR_MISS_MS = 5 * 60_000;
// The clocks of DLI's machines differ.
const SLACK_MS = 1_000;
const NO_SKEW: SkewBounds = { minMs: 0, maxMs: 0 };

/**
 * Matches a create against the list by name, time of creation, and service and address, or VPC and subnet.
 *
 * The list does not show every field of a create, so a match is probably, not certainly, the create's own.
 */
export function matchConnection(
  wanted: Wanted,
  { fromMs, untilMs }: TimeSpan,
  { connections, skew = { ...NO_SKEW, possible: NO_SKEW, certain: NO_SKEW } }: ConnectionList,
): Match {
  const isWithin = (timeMs: number, { minMs, maxMs }: SkewBounds, marginMs: number) =>
    timeMs >= fromMs + minMs - marginMs && timeMs <= untilMs + maxMs + marginMs;
  const isOther = (connection: DescribedConnection) => {
    const { createdAtMs } = connection;
    const isTooFarInTime = createdAtMs !== null && !isWithin(createdAtMs, skew.possible, SLACK_MS + NEAR_MISS_MS);
    return isTooFarInTime || resembles(wanted, connection) === 'no';
  };
  const existing = connections.filter(({ state }) => stateOfWireName(state) !== 'DELETED');
  const candidates = existing.filter(connection => connection.name === wanted.name && !isOther(connection));
  const [only] = candidates;
  const hasUnnamed = existing.some(({ name }) => name === null);
  if (only === undefined) return { kind: hasUnnamed ? 'incomplete' : 'absent' };
  if (candidates.length > 1) return { kind: 'ambiguous' };
  const { id, createdAtMs } = only;
  if (id === null || createdAtMs === null || resembles(wanted, only) === 'unclear') return { kind: 'incomplete' };
  if (isWithin(createdAtMs, skew.certain, SLACK_MS))
    return { kind: 'found', connectionId: id, recognisedBy: 'LIKENESS' };
  // A clock that may be wrong proves neither that it is the create's own nor that it is another one's.
  return { kind: isWithin(createdAtMs, skew.possible, SLACK_MS) ? 'ambiguous' : 'nearMiss' };
}

/** Whether the fields of a connection that identify it are those of a create. `unclear`: some are missing. */
function resembles(wanted: Wanted, connection: DescribedConnection): 'yes' | 'no' | 'unclear' {
  const pairs = comparedFields(wanted, connection);
  if (pairs === undefined || pairs.some(([sent, listed]) => listed !== null && listed !== sent)) return 'no';
  return pairs.some(([, listed]) => listed === null) ? 'unclear' : 'yes';
}

/** Pairs the fields of a create with those of a connection. Undefined when they are of different kinds. */
function comparedFields(wanted: Wanted, connection: DescribedConnection) {
  if (wanted.kind === 'ENHANCED') {
    if (connection.kind !== 'ENHANCED') return undefined;
    return [
      [wanted.vpcId.toLowerCase(), connection.vpcId?.toLowerCase() ?? null],
      [wanted.networkId.toLowerCase(), connection.networkId?.toLowerCase() ?? null],
    ] as const;
  }
  if (connection.kind !== 'CLASSIC') return undefined;
  const { service, destination } = connection;
  return [
    [wanted.service, service === null ? null : (serviceOfWireName(service) ?? '')],
    [wanted.url, destination],
  ] as const;
}
