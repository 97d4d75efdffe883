import type { Authentication, Authenticator } from '../huawei-cloud/authenticator.js';
import type { ClockSkew } from '../huawei-cloud/clock-skew.js';
import type { Egress } from '../huawei-cloud/transport.js';
import { Transport } from '../huawei-cloud/transport.js';
import type { LogSampler } from '../lib/log-sampler.js';
import type { Clock } from '../lib/time.js';
import { BindingsClient } from './bindings-client.js';
import { ChangeRequests } from './change-request.js';
import { CLASSIC_API, ENHANCED_API } from './connection-api.js';
import { ConnectionsClient } from './connections-client.js';
import { CreateRequests } from './create-request.js';
import { checkCredential } from './credential-check.js';
import { createSignIn, DliClient } from './dli-client.js';
import type { DliLog } from './dli-error.js';
import { ResourceDirectory } from './resource-directory.js';
import { SafeRequests } from './safe-request.js';
import type { ConfidentialTexts } from './sanitize.js';

interface Dependencies {
  /** Maximum number of creates that wait for a connection. Default: that of {@link Transport}. */
  queuedCreates: number | undefined;
  /** How DLI is reached. */
  egress: Egress;
  authenticator: Authenticator;
  /** Base URL of DLI, without a path. */
  endpoint: URL;
  clock: Clock;
  /** Receives the times in DLI's responses, and bounds the skew of its clock. */
  skew: ClockSkew;
  log: DliLog;
  /** Limits the log lines that every response may cause. */
  sampler: LogSampler;
  /** Texts that must never be shown. */
  confidential: ConfidentialTexts;
}

/** Creates the clients of DLI: one per kind of connection, and those on top of them. Their transports must be closed. */
export function createDliClients(dependencies: Dependencies) {
  const { queuedCreates, egress, authenticator, endpoint, clock, skew, log, sampler, confidential } = dependencies;
  const shared = { signIn: createSignIn(authenticator, log), endpoint, clock, log, sampler, confidential };
  // One per purpose, so that slow calls of one kind do not delay the others.
  const transports = {
    creates: new Transport({ maxWaiting: queuedCreates, skew, ...egress }),
    reads: new Transport({ maxConnections: 20, skew, ...egress }),
    changes: new Transport({ maxConnections: 5, skew, ...egress }),
    reconciliation: new Transport({ maxConnections: 5, skew, ...egress }),
  };
  const readsForChange = new SafeRequests({ ...shared, transport: transports.changes, maxTries: 2 });
  const requests = {
    creates: new CreateRequests({ ...shared, transport: transports.creates }),
    reads: new SafeRequests({ ...shared, transport: transports.reads, maxTries: 2 }),
    changes: new ChangeRequests(readsForChange, clock, log),
    readsForChange,
    reconciliation: new SafeRequests({ ...shared, transport: transports.reconciliation, maxTries: 1 }),
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
    checkCredential: (candidate: Authentication) =>
      checkCredential(candidate, { ...shared, transport: transports.reconciliation }),
  };
}
