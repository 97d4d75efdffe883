import { BindingsClient } from '../dli/bindings-client.js';
import { CLASSIC_API, ENHANCED_API } from '../dli/connection-api.js';
import { ConnectionsClient } from '../dli/connections-client.js';
import { CreateRequests } from '../dli/create-request.js';
import { checkCredential } from '../dli/credential-check.js';
import { createCredentialAcquirer, DliClient } from '../dli/dli-client.js';
import type { DliLog } from '../dli/dli-error.js';
import { RepeatableRequests } from '../dli/repeatable-request.js';
import { ResourceDirectory } from '../dli/resource-directory.js';
import type { ConfidentialTexts } from '../dli/sanitize.js';
import type { Authentication, Authenticator } from '../huawei-cloud/authenticator.js';
import type { ClockSkew } from '../huawei-cloud/clock-skew.js';
import type { Egress, UpstreamTimeouts } from '../huawei-cloud/transport.js';
import { Transport } from '../huawei-cloud/transport.js';
import type { UpstreamLog } from '../huawei-cloud/upstream-log.js';
import type { LogSampler } from '../lib/log-sampler.js';
import type { TraceContext } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';

/** Limits of the calls to DLI that are constant outside tests. */
export interface DliLimits {
  /** Of all calls to Huawei Cloud. Default is `UPSTREAM_TIMEOUTS`. */
  upstreamTimeouts?: UpstreamTimeouts | undefined;
  /** Maximum number of creates that wait for a connection. Default is 500. */
  queuedCreates?: number | undefined;
  /** Time within which creates share a read of the list to reconcile, in milliseconds. Default is 50. */
  lookupBatchMs?: number | undefined;
}

interface Dependencies {
  limits: DliLimits;
  /** How DLI is reached. */
  egress: Egress;
  authenticator: Authenticator;
  /** Base URL of DLI, without a path. */
  endpoint: URL;
  clock: Clock;
  /** Receives the times in DLI's responses, and bounds the skew of its clock. */
  skew: ClockSkew;
  log: DliLog;
  upstream: UpstreamLog;
  /** Limits the log lines that every response may cause. */
  sampler: LogSampler;
  /** Texts that must never be shown. */
  confidential: ConfidentialTexts;
  metrics: Metrics;
}

/** Creates the clients of DLI: one per kind of connection, and those built on them. The transports must be closed. */
export function createDliClients(dependencies: Dependencies) {
  const { limits, egress, authenticator, clock, skew, log, metrics, ...rest } = dependencies;
  const shared = {
    ...rest,
    acquireCredential: createCredentialAcquirer(authenticator, clock, log),
    clock,
    log,
    metrics,
  };
  const connection = { egress, skew, metrics };
  // One per purpose, so that slow calls of one kind do not delay the others.
  const transports = {
    creates: new Transport({ ...connection, pool: 'creates' }, { maxWaiting: limits.queuedCreates }),
    reads: new Transport({ ...connection, pool: 'reads' }, { maxConnections: 20 }),
    changes: new Transport({ ...connection, pool: 'changes' }, { maxConnections: 5 }),
    reconciliation: new Transport({ ...connection, pool: 'reconciliation' }, { maxConnections: 5 }),
  };
  const requests = {
    creates: new CreateRequests({ ...shared, transport: transports.creates }),
    reads: new RepeatableRequests({ ...shared, transport: transports.reads, maxTries: 2 }),
    changes: new RepeatableRequests({ ...shared, transport: transports.changes, maxTries: 2 }),
    reconciliation: new RepeatableRequests({ ...shared, transport: transports.reconciliation, maxTries: 1 }),
  };
  const classic = new DliClient({ requests, clock, skew }, CLASSIC_API);
  const enhanced = new DliClient({ requests, clock, skew }, ENHANCED_API);
  const bindings = new BindingsClient(requests);
  return {
    transports,
    classic,
    enhanced,
    connections: new ConnectionsClient({ CLASSIC: classic, ENHANCED: enhanced }, clock),
    bindings,
    directory: new ResourceDirectory(bindings, clock),
    /** Whether the circuit breaker of creates is open. */
    isBreakerOpen: () => requests.creates.isBreakerOpen(),
    checkCredential: (candidate: Authentication, trace: TraceContext) =>
      checkCredential(candidate, trace, { ...shared, transport: transports.reconciliation }),
  };
}
