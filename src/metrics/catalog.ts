/**
 * The values of a label. A list is closed: any other value counts as `OTHER`, or as its class, such as `4xx`, if the
 * list has that. `ANY`: the recording code takes the values from a closed list of its own, such as the router's routes.
 */
type LabelValues = readonly string[] | typeof ANY;

/** A metric whose values are recorded where something happens. */
export interface RecordedMetric {
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** Maximum number of label sets; what exceeds it counts as `OTHER`. Default: no limit. */
  readonly maxLabelSets?: number;
  /**
   * The label sets that alerts read. They exist from the start with the value 0, so that `rate()` sees their first
   * event, and are counted as themselves however many others callers cause.
   */
  readonly reserved?: readonly Readonly<Record<string, string>>[];
}

/** A histogram. */
export interface HistogramMetric extends RecordedMetric {
  /** Upper bounds, in the unit of the name. */
  readonly buckets: readonly number[];
}

/** A metric whose value is read from its component whenever the metrics are collected. */
interface ReadMetric {
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  /** A reading has one value for each of these; without a label it is a single number. */
  readonly label?: { readonly name: string; readonly values: readonly string[] };
}

/** Replaces every value that is not in the list of a label. */
export const OTHER = 'OTHER';

const ANY = 'any';

/** The outcomes of mutations that alerts read besides ERROR: success, and an unknown outcome. */
const MUTATION_OUTCOMES = {
  createDatasourceConnection: ['CreateDatasourceConnectionSuccess', 'OutcomeUnknownError'],
  createEnhancedDatasourceConnection: ['CreateEnhancedDatasourceConnectionSuccess', 'OutcomeUnknownError'],
  deleteDatasourceConnection: ['DeleteDatasourceConnectionSuccess', 'DeleteOutcomeUnknownError'],
  bindDatasourceConnection: ['BindDatasourceConnectionSuccess', 'ChangeOutcomeUnknownError'],
  unbindDatasourceConnection: ['UnbindDatasourceConnectionSuccess', 'ChangeOutcomeUnknownError'],
} as const;

// The codes that operators need one by one, and the class of any other status: each label set costs a whole histogram.
const STATUSES: readonly string[] = [
  ...['200', '400', '401', '403', '429', '500', '503'],
  ...['2xx', '3xx', '4xx', '5xx'],
];
const POOLS = ['creates', 'reads', 'changes', 'reconciliation', 'iam', 'issuer'] as const;

/** The name of a pool of connections to an upstream. */
export type PoolName = (typeof POOLS)[number];

const READINESS = ['ready', 'starting', 'stopping', 'overloaded', 'storeUnavailable', 'clockSkew'] as const;

/**
 * The readiness of the gateway: `ready`, or why another gateway should serve instead. `overloaded`: it sheds requests.
 * `storeUnavailable`: its own store cannot be used, or Redis has been unusable for more than 5 s. `clockSkew`: its
 * clock differs too much from Huawei Cloud's.
 *
 * Failures of DLI, IAM and the issuer do not count: every gateway would have them.
 */
export type Readiness = (typeof READINESS)[number];

// The error codes of DLI and of its API gateway; `APIGW.` is the same as `APIG.`.
const DLI_CODES = [
  ...['0001', '0002', '0003', '0006', '0007', '0008', '0009', '0011', '0012', '0013', '0014', '0015', '0016'],
  ...['0018', '0019', '0023', '0100', '0999', '1028', '10001', '10002', '10003', '10004', '10005', '10006'],
  ...['10007', '10008', '10009', '10010', '10014', '10015', '10016', '13001', '20005'],
  ...['22101', '22102', '22103', '22104', '22105', '22106', '22107', '22108'],
].map(number => `DLI.${number}`);
const API_GATEWAY_CODES = [
  ...['0101', '0103', '0106', '0201', '0301', '0302', '0303', '0304', '0305', '0306', '0307', '0308', '0310'],
  ...['0402', '0601', '0602', '0605', '0607', '0608', '0610', '0611', '0612', '0613', '0802'],
].map(number => `APIG.${number}`);

/** The counters, by name. */
export const COUNTERS = {
  dli_gateway_refused_total: {
    help: 'Requests that were refused before GraphQL, by error code, and connections that the gateway closed, by reason.',
    labels: { reason: ANY },
    maxLabelSets: 28,
  },
  graphql_errors_total: {
    help: 'Errors in GraphQL responses, top-level ones and those in the payloads of mutations, by code.',
    labels: { code: ANY },
    maxLabelSets: 48,
    reserved: [{ code: 'INTERNAL' }],
  },
  dli_gateway_dli_errors_total: {
    help: 'Responses of DLI with an error code, by operation and code.',
    labels: { operation: ANY, code: [...DLI_CODES, ...API_GATEWAY_CODES] },
    maxLabelSets: 40,
  },
  dli_gateway_retries_total: {
    help: 'Repeated requests to DLI by the result of the second one; `denied`: the budget or the deadline allowed none.',
    labels: { operation: ANY, result: ['succeeded', 'failed', 'denied'] },
    maxLabelSets: 30,
  },
  dli_gateway_credentials_reloads_total: {
    help: 'Changes of the credential files by what became of them.',
    labels: { result: ['adopted', 'refused', 'unproven', 'invalid'] },
  },
  dli_gateway_reconciliations_total: {
    help: "Checks of DLI's list for a create of unknown outcome, by result.",
    labels: { result: ['found', 'refused', 'settled without trace', 'undecided'] },
  },
  dli_gateway_replays_total: {
    help: 'Repeats of a create that were answered from its record, by the outcome.',
    labels: { result: ['created', 'failed', 'unknown', 'inProgress', 'keyReused', 'storeUnavailable'] },
  },
  dli_gateway_reads_total: {
    help: 'Reads of connections by where the result came from; `shared`: from a call that another caller had started.',
    labels: { result: ['sent', 'shared', 'failed', 'queueFull'] },
  },
  dli_gateway_auth_total: {
    help: 'Checks of callers by result.',
    labels: { result: ['authenticated', 'unauthenticated', 'rateLimited', 'authUnavailable'] },
  },
  dli_gateway_rate_limited_total: {
    help: 'What a limit of the gateway refused, by the limit.',
    labels: {
      kind: [
        ...['mutations', 'failedLogins', 'reads', 'watches', 'subscriptions'],
        ...['streams', 'tenantConnections', 'networkConnections', 'waitingRequests'],
      ],
    },
  },
} as const satisfies Record<string, RecordedMetric>;

/** The histograms, by name. */
export const HISTOGRAMS = {
  http_server_request_duration_seconds: {
    help: 'Duration of requests of callers, streams included.',
    labels: {
      http_request_method: ['GET', 'POST'] as readonly string[],
      // From the router; empty for a path without a route.
      http_route: ANY,
      http_response_status_code: STATUSES,
    },
    maxLabelSets: 30,
    reserved: ['500', '503', '5xx'].map(status => ({
      http_request_method: 'POST',
      http_route: '/graphql',
      http_response_status_code: status,
    })),
    buckets: [0.01, 0.1, 0.5, 2.5, 10],
  },
  http_server_request_body_size_bytes: {
    help: 'Size of the bodies of requests, by their Content-Length.',
    labels: {},
    buckets: [256, 1_024, 4_096, 16_384, 65_536, 1_048_576],
  },
  http_server_response_body_size_bytes: {
    help: 'Size of the bodies of responses, streams excluded.',
    labels: {},
    buckets: [256, 1_024, 4_096, 16_384, 65_536, 1_048_576],
  },
  graphql_operation_duration_seconds: {
    help: 'Duration of GraphQL operations, of subscriptions until their end.',
    labels: {
      type: ['query', 'mutation', 'subscription'] as readonly string[],
      // The root field, always one of the schema: only valid operations have one.
      field: ANY,
      // The payload type of a mutation, otherwise OK or ERROR; DISCONNECTED if the client left before.
      outcome: ANY,
    },
    maxLabelSets: 56,
    reserved: Object.entries(MUTATION_OUTCOMES).flatMap(([field, outcomes]) =>
      [...outcomes, 'DliUnavailableError', 'ERROR'].map(outcome => ({ type: 'mutation', field, outcome })),
    ),
    buckets: [0.05, 0.25, 1, 5, 20],
  },
  http_client_request_duration_seconds: {
    help: 'Duration of calls to DLI, IAM and the token issuer.',
    labels: { target: ['dli', 'iam', 'issuer'], operation: ANY, status: [...STATUSES, ''], error_type: ANY },
    maxLabelSets: 36,
    reserved: [
      ...['createConnection', 'getConnection', 'listConnections'],
      ...['createEnhancedConnection', 'getEnhancedConnection', 'listEnhancedConnections'],
    ].map(operation => ({ target: 'dli', operation, status: '200', error_type: '' })),
    buckets: [0.1, 0.5, 2.5, 10],
  },
  dli_gateway_pool_wait_seconds: {
    help: 'Time that calls waited for a free connection of their pool; only those that had to wait.',
    labels: { pool: POOLS },
    buckets: [0.005, 0.05, 0.5, 5],
  },
  dli_gateway_store_operation_seconds: {
    help: 'Duration of the operations of the store of operation records.',
    labels: { operation: ANY, result: ['ok', 'error'] },
    maxLabelSets: 16,
    buckets: [0.002, 0.01, 0.05, 0.25],
  },
  dli_gateway_follow_lag_seconds: {
    help: 'Time from when a poll of a followed connection or list was due until its result was delivered.',
    labels: {},
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
} as const satisfies Record<string, HistogramMetric>;

/** The metrics that are read from their components, by name. */
export const READINGS = {
  http_server_active_requests: { type: 'gauge', help: 'Requests that are being answered, streams excluded.' },
  dli_gateway_open_connections: {
    type: 'gauge',
    help: 'Open connections of clients by what they carry.',
    label: { name: 'kind', values: ['http', 'websocket', 'sse'] },
  },
  dli_gateway_pool_waiting: {
    type: 'gauge',
    help: 'Calls that wait for a free connection of their pool.',
    label: { name: 'pool', values: POOLS },
  },
  dli_gateway_breaker_open: { type: 'gauge', help: '1 while the circuit breaker of creates is open.' },
  dli_gateway_credentials_usable: {
    type: 'gauge',
    help: '0 while Huawei Cloud refuses the credentials or no token can be had, else 1.',
  },
  dli_gateway_credentials_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'When the IAM token in use expires. Absent with an access key pair.',
  },
  dli_gateway_clock_skew_seconds: {
    type: 'gauge',
    help: 'Bounds of how far the clock of Huawei Cloud is ahead of that of the gateway.',
    label: { name: 'bound', values: ['min', 'max'] },
  },
  dli_gateway_creates_open: {
    type: 'gauge',
    help: 'Creates in the store without a final outcome, at most 1,000: being sent, or of unknown outcome.',
    label: { name: 'state', values: ['SENDING', 'UNKNOWN'] },
  },
  dli_gateway_oldest_open_create_seconds: {
    type: 'gauge',
    help: 'Age of the oldest create without a final outcome; 0 if there is none.',
  },
  dli_gateway_store_up: {
    type: 'gauge',
    help: 'Whether the store of operation records can be used.',
    label: { name: 'backend', values: ['lmdb', 'redis'] },
  },
  dli_gateway_store_losses_total: { type: 'counter', help: 'Losses of operation records that the store noticed.' },
  dli_gateway_store_unreadable_total: {
    type: 'counter',
    help: 'Operation records that could not be read, each counted once.',
  },
  dli_gateway_store_bytes: { type: 'gauge', help: 'Size of the embedded store on the disk. Absent with Redis.' },
  dli_gateway_subscriptions: {
    type: 'gauge',
    help: 'Running subscriptions, and queries as event streams, by transport.',
    label: { name: 'transport', values: ['websocket', 'sse'] },
  },
  dli_gateway_followed_connections: { type: 'gauge', help: 'Connections that are polled for subscribers.' },
  dli_gateway_jwks_age_seconds: {
    type: 'gauge',
    help: 'Age of the cached keys of the token issuer. Absent before they were fetched, and without access tokens.',
  },
  dli_gateway_accepted_share: {
    type: 'gauge',
    help: 'Share of the new requests that is accepted: below 1 while load is shed.',
  },
  dli_gateway_ready: {
    type: 'gauge',
    help: '1 for the readiness that /readyz reports, 0 for the others.',
    label: {
      name: 'reason',
      values: READINESS,
    },
  },
  dli_gateway_log_lines_dropped_total: { type: 'counter', help: 'Log lines that could not be written.' },
} as const satisfies Record<string, ReadMetric>;

type LabelsOf<M extends { labels: object }> = {
  readonly [L in keyof M['labels']]: M['labels'][L] extends readonly (infer V)[] ? V : string;
};

/** The name of a counter. */
export type CounterName = keyof typeof COUNTERS;
/** The labels of a counter. */
export type CounterLabels<N extends CounterName> = LabelsOf<(typeof COUNTERS)[N]>;
/** The name of a histogram. */
export type HistogramName = keyof typeof HISTOGRAMS;
/** The labels of a histogram. */
export type HistogramLabels<N extends HistogramName> = LabelsOf<(typeof HISTOGRAMS)[N]>;
/** The name of a metric that is read from its component. */
export type ReadingName = keyof typeof READINGS;
/** A value, or one for each value of the label; undefined while there is none. */
export type Reading<N extends ReadingName> = (typeof READINGS)[N] extends { label: { values: readonly (infer V)[] } }
  ? { readonly [L in V & string]?: number | undefined }
  : number | undefined;
