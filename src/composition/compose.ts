import type { Logger } from 'pino';
import { AuditLog } from '../auth/audit-log.js';
import type { Config } from '../config/config.js';
import { CredentialWatcher } from '../config/credential-watcher.js';
import type { CredentialsConfig } from '../config/credentials.js';
import { createCredentialRotation, credentialValues } from '../config/credentials.js';
import { ConnectionDetails } from '../connection-reads/connection-details.js';
import { FairRateLimiter } from '../connection-reads/fair-rate-limiter.js';
import { ConnectionReader } from '../connection-reads/reader.js';
import { ConnectionWatcher } from '../connection-reads/watcher.js';
import { ConfidentialTexts } from '../dli/sanitize.js';
import { AccessKeyAuthenticator } from '../huawei-cloud/access-key-authenticator.js';
import type { Authenticator, Rotate } from '../huawei-cloud/authenticator.js';
import { ClockSkew } from '../huawei-cloud/clock-skew.js';
import { proxyTexts } from '../huawei-cloud/egress-proxy.js';
import { IamClient } from '../huawei-cloud/iam-client.js';
import { TokenAuthenticator } from '../huawei-cloud/token-authenticator.js';
import { Transport } from '../huawei-cloud/transport.js';
import { UpstreamLog } from '../huawei-cloud/upstream-log.js';
import { ChangeBindings } from '../idempotency/change-bindings.js';
import { ConnectionLookup } from '../idempotency/connection-lookup.js';
import { CreateConnection } from '../idempotency/create-connection.js';
import { CreateEnhancedConnection } from '../idempotency/create-enhanced-connection.js';
import { DeleteConnection } from '../idempotency/delete-connection.js';
import { OperationKeys } from '../idempotency/operation-keys.js';
import { Reconciler } from '../idempotency/reconciler.js';
import { BackgroundReconciliation, InlineReconciliation } from '../idempotency/reconciliation-schedule.js';
import { ResumeCreate } from '../idempotency/resume-create.js';
import { WriteBehind } from '../idempotency/write-behind.js';
import { LogSampler } from '../lib/log-sampler.js';
import { logBug } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import type { Metrics } from '../metrics/metrics.js';
import { ifAvailable, TIMED_OPERATIONS } from '../operation-store/operation-store.js';
import { StoreHealth } from '../operation-store/store-health.js';
import type { DescribeOutcome } from './callers.js';
import {
  createCallerAuthenticator,
  createLateEndListener,
  createMutationLimit,
  openSharedCounters,
} from './callers.js';
import type { DliLimits } from './dli-clients.js';
import { createDliClients } from './dli-clients.js';
import { registerBackendMetrics } from './metrics.js';
import { openPollLease, openRedis, openStore } from './redis.js';

/** Bounds of the background reconciliation interval, in milliseconds; it depends on how soon creates settle. */
const RECONCILIATION_INTERVAL_MS = { min: 500, max: 2_000 };
// Half of the read transport's connections are for callers' reads, half for polls of watched connections.
const MAX_CONCURRENT_READS = 10;
// Quotas per tenant keep one tenant from crowding out the others.
const MAX_QUEUED_READS = { total: 2_000, perTenant: 500 };
const MAX_WATCHES = { total: 10_000, perTenant: 2_500 };

/** Limits that are constant outside tests. */
export interface BackendLimits extends DliLimits {
  /** Timeout of a Redis command in milliseconds, and half of that of a store operation. Default: 250, and 430. */
  redisTimeoutMs?: number | undefined;
  /** Window of the sampled log lines, and of those about outages, in milliseconds. Default is a minute. */
  logWindowMs?: number | undefined;
  /** Signature checks per second for an address with too many refused tokens. Default is 200. */
  verificationsPerSecond?: number | undefined;
  /** Time between two polls of the credential files, in milliseconds. Default is a second. */
  credentialPollMs?: number | undefined;
  /** Minimum interval of the background reconciliation, in milliseconds. Default is 500. */
  minReconciliationMs?: number | undefined;
  /** Maximum number of watches per tenant. Default is 2,500. */
  watchesPerTenant?: number | undefined;
  /** Time before the second check of a refused change of bindings, in milliseconds. Default is 3,000. */
  bindingRecheckMs?: number | undefined;
}

interface Dependencies {
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  describeOutcome: DescribeOutcome;
}

/** The objects that {@link compose} creates. */
export type Backend = Awaited<ReturnType<typeof compose>>;

/**
 * Composition root of everything below HTTP. Optional libraries are loaded only if the configuration needs them,
 * because each one delays the start.
 *
 * @throws {ConfigError} naming the setting, if the operation store cannot or must not be used
 */
export async function compose(config: Config, dependencies: Dependencies, limits: BackendLimits = {}) {
  const { clock, log, metrics, describeOutcome } = dependencies;
  const { redisTimeoutMs, logWindowMs, watchesPerTenant = MAX_WATCHES.perTenant } = limits;
  const { minReconciliationMs = RECONCILIATION_INTERVAL_MS.min, bindingRecheckMs: recheckMs } = limits;
  const { auth, certificates, proxy, dliEndpoint: endpoint, settleMs, addsMarkerTag } = config;
  const egress = { certificates, proxy, timeouts: limits.upstreamTimeouts };
  const skew = new ClockSkew(clock, 'dli', log);
  const iamSkew = new ClockSkew(clock, 'iam', log);
  // One pool per purpose, so that slow calls do not delay others.
  const iamTransport = new Transport({ egress, pool: 'iam', metrics, skew: iamSkew }, { maxConnections: 4 });
  const issuerTransport = new Transport({ egress, pool: 'issuer', metrics }, { maxConnections: 1 });
  const sampler = new LogSampler(logWindowMs);
  const upstream = new UpstreamLog(log, sampler, metrics);
  const iam = new IamClient(iamTransport, config.iamEndpoint, clock, upstream, log);
  const { authenticator, rotate } = createAuthenticator(config, iam, clock, log);
  const redis = await openRedis(config.redis, redisTimeoutMs, clock, log);
  const storeHealth = new StoreHealth(redis === undefined ? 'lmdb' : 'redis', clock, log, logWindowMs);
  const opened = await openStore(config.dataDir, redis?.clients, redisTimeoutMs, clock, storeHealth);
  const store = metrics.timed(opened, TIMED_OPERATIONS);
  const confidential = new ConfidentialTexts();
  confidential.add([...credentialValues(config.credentials), ...(config.projectId ? [config.projectId] : [])]);
  if (proxy !== undefined) confidential.add(proxyTexts(proxy));
  const logging = { log, upstream, sampler, confidential, metrics };
  const dliDependencies = { ...logging, authenticator, endpoint, egress, limits, clock, skew };
  const { classic, enhanced, connections, bindings, directory, isBreakerOpen, transports, checkCredential } =
    createDliClients(dliDependencies);
  const rotation = createCredentialRotation({
    rotate(credentials) {
      confidential.add(credentialValues(credentials));
      return rotate(credentials, checkCredential);
    },
    isCurrentRefused: () => authenticator.status.wasRefusedLast,
  });
  const credentialWatcher = new CredentialWatcher(config.credentialFiles, config.credentials, {
    rotation,
    clock,
    log,
    onReload: result => metrics.count('dli_gateway_credentials_reloads_total', { result }),
    pollIntervalMs: limits.credentialPollMs,
  });

  const project = projectOf(config);
  const keys = new OperationKeys(store, project);
  const writer = new WriteBehind(store, clock, log);
  const lookups = {
    CLASSIC: new ConnectionLookup(classic, clock, false, limits.lookupBatchMs),
    ENHANCED: new ConnectionLookup(enhanced, clock, true),
  };
  const reconciler = new Reconciler({ lookups, store, writer, clock, log, metrics, settleMs, addsMarkerTag });
  // A fixed level, because LOG_LEVEL must not silence the audit log.
  const audit = new AuditLog(log.child({ channel: 'audit' }, { level: 'info' }), sampler);
  const onLateEnd = createLateEndListener(audit, clock, describeOutcome);
  const inline = new InlineReconciliation({ reconciler, writer, clock, log, settleMs, onLateEnd });
  const reconciliation = { store, keys, inline, reconciler, clock, log };
  const background = new BackgroundReconciliation({
    ...reconciliation,
    onLateEnd,
    intervalMs: Math.max(minReconciliationMs, Math.min(RECONCILIATION_INTERVAL_MS.max, settleMs / 60)),
  });
  const resume = new ResumeCreate(store, inline, clock, metrics);
  const creation = { ...reconciliation, writer, resume, addsMarkerTag, confidential };
  const createConnection = new CreateConnection({ ...creation, dli: classic });
  const changeBindings = new ChangeBindings({ connections, bindings, directory, clock, recheckMs });
  const createEnhancedConnection = new CreateEnhancedConnection({
    ...creation,
    createConnection: new CreateConnection({ ...creation, dli: enhanced }),
    changeBindings,
  });
  const deleteConnection = new DeleteConnection(connections, store, keys, clock);

  const secret = () => ifAvailable(keys.hmacKey());
  const counters = await openSharedCounters(auth, { clients: redis?.clients, secret, log, logWindowMs });
  const callerAuthenticator = await createCallerAuthenticator(auth, {
    issuerTransport,
    upstream,
    counters,
    verificationsPerSecond: limits.verificationsPerSecond,
    clock,
    log,
    metrics,
  });
  const mutationLimit = await createMutationLimit(auth, counters);
  const hasTenants = auth.tokens !== undefined;
  const quota = hasTenants ? 'perTenant' : 'total';
  const reads = {
    limiter: new FairRateLimiter(clock, {
      perSecond: config.readCallsPerSecond,
      maxConcurrent: MAX_CONCURRENT_READS,
      maxQueuedPerTenant: MAX_QUEUED_READS[quota],
    }),
    clock,
    metrics,
    freshnessMs: config.readFreshnessMs,
    timeoutMs: config.operationTimeoutMs,
  };
  const reader = new ConnectionReader({ ...reads, connections });
  const details = new ConnectionDetails({ ...reads, bindings });
  const watcher = new ConnectionWatcher({
    reader,
    limiter: new FairRateLimiter(clock, {
      perSecond: config.pollCallsPerSecond,
      maxConcurrent: MAX_CONCURRENT_READS,
    }),
    lease: await openPollLease(redis?.clients, { project, confidential, clock, log, logWindowMs }),
    clock,
    metrics,
    intervalMs: config.pollIntervalMs,
    maxWatches: MAX_WATCHES.total,
    maxWatchesPerTenant: hasTenants ? watchesPerTenant : MAX_WATCHES.total,
    onBug: error => logBug(log, { operation: 'follow' }, error),
  });
  registerBackendMetrics(metrics, { clock, skew, authenticator, store, storeHealth });

  return {
    authenticator,
    connections,
    store,
    issuerTransport,
    upstream,
    /** The state of the parts that `/readyz?verbose` shows. */
    parts() {
      const { bounds } = skew;
      return {
        isStoreUsable: storeHealth.isUsable,
        storeProblem: storeHealth.problem ?? null,
        isClockWrong: [skew, iamSkew].some(each => each.isTooFar()),
        clockSkewSeconds: bounds === undefined ? null : { min: bounds.minMs / 1_000, max: bounds.maxMs / 1_000 },
        areCredentialsUsable: authenticator.status.isUsable,
        isBreakerOpen: isBreakerOpen(),
      };
    },
    createConnection,
    createEnhancedConnection,
    changeBindings,
    deleteConnection,
    reader,
    details,
    watcher,
    directory,
    callerAuthenticator,
    mutationLimit,
    audit,
    /** Limits the log lines that anyone, or every response, can cause. */
    sampler,
    /** Starts background reconciliation and the credential watcher. */
    start(): void {
      background.start();
      credentialWatcher.start();
      redis?.watcher.start();
    },
    /** Stops everything except the calls to Huawei Cloud. */
    async stop(): Promise<void> {
      credentialWatcher.close();
      redis?.watcher.close();
      reader.close();
      await watcher.close();
      const closeRecords = async () => {
        await background.close();
        await writer.close();
        await store.close();
        storeHealth.close();
      };
      // The calls of background reconciliation may hang, so its transport is closed before the others.
      await Promise.all([closeRecords(), counters?.close(), transports.reconciliation.close()]);
    },
    /** Closes the connections to Huawei Cloud and the issuer, after everything else has stopped. */
    async close(): Promise<void> {
      sampler.close();
      await Promise.all([iamTransport, issuerTransport, ...Object.values(transports)].map(each => each.close()));
    },
  };
}

/**
 * Identifies the DLI project in the operation store. It must not change between starts, or records would not be found,
 * so it never includes an access key, which may be rotated.
 */
function projectOf({ region, dliEndpoint, projectId, credentials }: Config): string {
  const account = credentials.kind === 'iamUser' ? `${credentials.domainName}/` : '';
  return `${dliEndpoint.origin}/${projectId ?? account + region}`;
}

/** Creates the authenticator for Huawei Cloud, and the function that rotates its credentials once they are proven. */
function createAuthenticator(
  { credentials, projectId, region }: Config,
  iam: IamClient,
  clock: Clock,
  log: Logger,
): { authenticator: Authenticator; rotate: Rotate<CredentialsConfig> } {
  const onSuspended = (retryAfterSeconds: number) =>
    log.warn({ operation: 'authenticate', outcome: 'CREDENTIAL_STOPPED', retryAfterSeconds }, 'credential suspended');
  if (credentials.kind === 'accessKey') {
    const project = { id: projectId, name: region };
    const authenticator = new AccessKeyAuthenticator(credentials, project, iam, clock, onSuspended);
    return {
      authenticator,
      rotate: async (next, check) => (next.kind === 'accessKey' ? authenticator.rotate(next, check) : 'refused'),
    };
  }
  const project = projectId === undefined ? { name: region } : { id: projectId };
  const authenticator = new TokenAuthenticator(credentials, project, iam, clock, onSuspended);
  return {
    authenticator,
    rotate: async next => (next.kind === 'iamUser' ? authenticator.rotate(next) : 'refused'),
  };
}
