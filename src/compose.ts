import type { Redis, RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { AuditLog } from './auth/audit-log.js';
import type { CallerAuthenticator } from './auth/caller.js';
import { ANONYMOUS, NO_CREATE_LIMIT } from './auth/caller.js';
import { TenantConnectionQuota, UNLIMITED_CONNECTIONS } from './auth/connection-quota.js';
import type { SharedCounters } from './auth/rate-limits.js';
import type { AuthConfig } from './config/auth-config.js';
import type { Config } from './config/config.js';
import { CredentialWatcher } from './config/credential-watcher.js';
import type { CredentialsConfig } from './config/credentials.js';
import { CallBudget } from './connection-reads/fair-rate-limiter.js';
import type { PollTurns } from './connection-reads/poller.js';
import { ALONE } from './connection-reads/poller.js';
import { ConnectionReads } from './connection-reads/reader.js';
import { ConnectionFollower } from './connection-reads/watcher.js';
import { DliClient } from './dli/dli-client.js';
import type { AccessKeyCredentials } from './huawei-cloud/access-key-authenticator.js';
import { AccessKeyAuthenticator } from './huawei-cloud/access-key-authenticator.js';
import type { Authenticator } from './huawei-cloud/authenticator.js';
import { CredentialsSource } from './huawei-cloud/authenticator.js';
import { ClockSkew } from './huawei-cloud/clock-skew.js';
import type { IamUser } from './huawei-cloud/iam-client.js';
import { IamClient } from './huawei-cloud/iam-client.js';
import { TokenAuthenticator } from './huawei-cloud/token-authenticator.js';
import { Transport } from './huawei-cloud/transport.js';
import { ListReader } from './idempotency/connection-lookup.js';
import { CreateOnce } from './idempotency/create-connection.js';
import { DeleteOnce } from './idempotency/delete-connection.js';
import { OperationIdentities } from './idempotency/operation-keys.js';
import { Reconciler } from './idempotency/reconciler.js';
import { BackgroundReconciliation, InlineReconciliation } from './idempotency/reconciliation-schedule.js';
import { RepeatedCreate } from './idempotency/resume-create.js';
import { RecordedCreate } from './idempotency/send-create.js';
import { RecordWriter } from './idempotency/write-behind.js';
import { framesOf } from './lib/logger.js';
import type { Clock } from './lib/time.js';
import type { RecordStore } from './operation-store/operation-store.js';
import { parseRedisUrl } from './operation-store/redis-url.js';

/** Looks for open records at most this far apart, in milliseconds; more often when creates settle sooner. */
const MAX_RECONCILIATION_INTERVAL_MS = 2_000;
// Half of the places towards DLI for what callers read, and half for what they watch.
const READS_AT_A_TIME = 10;
/** What all may take, and what one tenant may, so that it cannot take the places of all others. */
const MAX_WAITING = { all: 2_000, ofTenant: 500 };
const MAX_WATCHES = { all: 10_000, ofTenant: 2_500 };

/** Limits that are constant in production; tests override them. */
export interface BackendLimits {
  /** Time-out of a Redis command, in milliseconds; operations of the store have twice as long. Default is 250. */
  redisTimeoutMs?: number | undefined;
  /** Maximum of open connections per tenant. Default is 500. */
  connectionsOfTenant?: number | undefined;
  /** Maximum of watches per tenant. Default is 2,500. */
  watchesOfTenant?: number | undefined;
}

/**
 * Puts together everything below HTTP, and loads only what the configuration needs: each library that not all need
 * takes time at every start.
 *
 * @throws {StoreUnusableError} that names the setting when the store of records cannot or must not be used
 */
export async function compose(config: Config, clock: Clock, log: Logger, limits: BackendLimits) {
  const { redisTimeoutMs, connectionsOfTenant, watchesOfTenant = MAX_WATCHES.ofTenant } = limits;
  // Calls to Huawei Cloud.
  const { certificates } = config;
  const skew = new ClockSkew(clock);
  // Apart, so that calls that wait for DLI cannot keep others waiting, nor the gateway from signing in.
  const transport = new Transport({ skew, certificates });
  const iamTransport = new Transport({ maxConnections: 4, certificates });
  const readTransport = new Transport({ maxConnections: 20, skew, certificates });
  const deletionTransport = new Transport({ maxConnections: 5, skew, certificates });
  const reconciliationTransport = new Transport({ maxConnections: 5, skew, certificates });
  const iam = new IamClient(iamTransport, config.iamEndpoint, clock);
  const { authenticator, replaceCredentials } = createAuthenticator(config, iam, clock);
  const credentialWatcher = new CredentialWatcher(
    config.credentialFiles,
    config.credentials,
    replaceCredentials,
    log,
  );
  const endpoint = config.dliEndpoint;
  const dliTransports = { transport, readTransport, deletionTransport, reconciliationTransport };
  const dli = new DliClient({ ...dliTransports, authenticator, endpoint, clock, skew, log });

  // Creates and deletes.
  const { settleMs, namesAreUnique, markerTag } = config;
  const project = projectOf(config);
  const store = await openStore(config, redisTimeoutMs, clock, log);
  const identities = new OperationIdentities(store, project);
  const writer = new RecordWriter(store, () => clock.monotonicMs(), log);
  const lists = new ListReader(dli, clock);
  const reconciler = new Reconciler({ lists, store, writer, clock, log, settleMs });
  const inline = new InlineReconciliation(reconciler, writer, clock, settleMs);
  const background = new BackgroundReconciliation({
    store,
    identities,
    inline,
    reconciler,
    clock,
    log,
    intervalMs: Math.min(MAX_RECONCILIATION_INTERVAL_MS, settleMs / 60),
  });
  const recorded = new RecordedCreate({ dli, store, writer, reconciler, inline, clock, log });
  const repeated = new RepeatedCreate({ recorded, inline, store, writer, clock, namesAreUnique });
  const createOnce = new CreateOnce({
    recorded,
    repeated,
    inline,
    store,
    writer,
    identities,
    clock,
    markerTag,
  });
  const deleteOnce = new DeleteOnce({ dli, store, identities, clock });

  // Callers.
  const redis =
    config.redisUrl === undefined
      ? undefined
      : {
          ...parseRedisUrl(config.redisUrl),
          ...(redisTimeoutMs !== undefined && { commandTimeout: redisTimeoutMs }),
        };
  const counters = await openSharedCounters(config.auth, redis, log);
  const callerAuthenticator = await createCallerAuthenticator(config.auth, counters, clock, log);
  const createLimit = await createCreateLimit(config.auth, counters?.redis);
  const hasTenants = config.auth.tokens !== undefined;
  const connectionQuota = hasTenants ? new TenantConnectionQuota(connectionsOfTenant) : UNLIMITED_CONNECTIONS;
  // A fixed level, because LOG_LEVEL must not silence the audit log.
  const audit = new AuditLog(log.child({ channel: 'audit' }, { level: 'info' }));

  // Reads.
  const most = hasTenants ? 'ofTenant' : 'all';
  const reads = new ConnectionReads({
    dli,
    budget: new CallBudget({
      clock,
      perSecond: config.readCallsPerSecond,
      atATime: READS_AT_A_TIME,
      maxWaitingOfTenant: MAX_WAITING[most],
    }),
    clock,
    freshnessMs: config.readFreshnessMs,
    timeoutMs: config.operationTimeoutMs,
    log,
  });
  const follower = new ConnectionFollower({
    reads,
    budget: new CallBudget({ clock, perSecond: config.followCallsPerSecond, atATime: READS_AT_A_TIME }),
    turns: await openTurns(redis, project, log),
    clock,
    intervalMs: config.followIntervalMs,
    maxWatches: MAX_WATCHES.all,
    maxWatchesOfTenant: hasTenants ? watchesOfTenant : MAX_WATCHES.all,
    onBug: error => log.error({ operation: 'follow', frames: framesOf(error) }, 'internal error'),
  });

  return {
    /** How far the clock of Huawei Cloud is from ours. */
    skew,
    createOnce,
    deleteOnce,
    reads,
    follower,
    callerAuthenticator,
    createLimit,
    connectionQuota,
    audit,
    /** Starts background reconciliation and the credential watcher. */
    start(): void {
      background.start();
      credentialWatcher.start();
    },
    /** Ends everything but the calls to Huawei Cloud. */
    async stop(): Promise<void> {
      reads.close();
      await follower.close();
      const closeRecords = async () => {
        await background.close();
        await writer.close();
        await store.close();
      };
      // Looks into the list, one of which may hang, end while other calls go on.
      await Promise.all([closeRecords(), counters?.close(), reconciliationTransport.close()]);
    },
    /** Ends the calls to Huawei Cloud, once everything else has stopped. */
    async close(): Promise<void> {
      credentialWatcher.close();
      await Promise.all([iamTransport, ...Object.values(dliTransports)].map(each => each.close()));
    },
  };
}

/**
 * What tells a DLI project from others in a store, said the same way at every start: records made under another name
 * are not found. Never by an access key, which is replaced while it runs.
 */
function projectOf({ region, dliEndpoint, projectId, credentials }: Config): string {
  const account = credentials.kind === 'iamUser' ? `${credentials.domainName}/` : '';
  return `${dliEndpoint.origin}/${projectId ?? account + region}`;
}

/** What authenticates at Huawei Cloud, and takes other credentials of the same kind. */
function createAuthenticator(
  { credentials, projectId, region }: Config,
  iam: IamClient,
  clock: Clock,
): { authenticator: Authenticator; replaceCredentials: (next: CredentialsConfig) => void } {
  if (credentials.kind === 'accessKey') {
    const source = new CredentialsSource<AccessKeyCredentials>(credentials);
    return {
      authenticator: new AccessKeyAuthenticator(source, { id: projectId, name: region }, iam, clock),
      replaceCredentials: next => next.kind === 'accessKey' && source.replace(next),
    };
  }
  const source = new CredentialsSource<IamUser>(credentials);
  const project = projectId === undefined ? { name: region } : { id: projectId };
  return {
    authenticator: new TokenAuthenticator(source, project, iam, clock),
    replaceCredentials: next => next.kind === 'iamUser' && source.replace(next),
  };
}

async function openStore(
  { dataDir, redisUrl }: Config,
  redisTimeoutMs: number | undefined,
  clock: Clock,
  log: Logger,
): Promise<RecordStore> {
  if (redisUrl === undefined) {
    const { LmdbStore } = await import('./operation-store/lmdb-store.js');
    return LmdbStore.open(dataDir);
  }
  const { RedisStore } = await import('./operation-store/redis-store.js');
  return RedisStore.connect(
    redisUrl,
    problem => log.warn({ operation: 'store', outcome: 'problem' }, problem),
    () => clock.epochMs(),
    redisTimeoutMs === undefined ? undefined : { command: redisTimeoutMs, operation: 2 * redisTimeoutMs },
  );
}

/** Connects to the rate-limit counters in Redis; undefined when there are no limits or no Redis. */
async function openSharedCounters(
  { tokens, createLimit }: AuthConfig,
  address: RedisOptions | undefined,
  log: Logger,
): Promise<(SharedCounters & { close(): Promise<void> }) | undefined> {
  if (address === undefined || (tokens === undefined && createLimit === undefined)) return undefined;
  const { connectImpatiently, endRedis } = await import('./lib/redis-client.js');
  const redis = await connectImpatiently(address, isUsable => {
    if (isUsable)
      log.info({ operation: 'limits', outcome: 'shared' }, 'gateways count creates together again');
    else log.warn({ operation: 'limits', outcome: 'alone' }, 'REDIS_URL: every gateway counts creates alone');
  });
  // The address contains the password, which only the gateways of this Redis share.
  return { redis, secret: JSON.stringify(address), close: () => endRedis(redis) };
}

async function createCallerAuthenticator(
  { tokens, failedLoginsPerMinute }: AuthConfig,
  counters: SharedCounters | undefined,
  clock: Clock,
  log: Logger,
): Promise<CallerAuthenticator> {
  if (tokens === undefined) return ANONYMOUS;
  const [{ JwtAuthenticator }, { JwksCache, createJwksFetcher }, { FailedLoginLimit }] = await Promise.all([
    import('./auth/jwt-authenticator.js'),
    import('./auth/jwks.js'),
    import('./auth/rate-limits.js'),
  ]);
  const jwks = new JwksCache(createJwksFetcher(tokens), clock, log);
  return new JwtAuthenticator(jwks, tokens, new FailedLoginLimit(failedLoginsPerMinute, counters), clock);
}

async function createCreateLimit({ createLimit }: AuthConfig, redis: Redis | undefined) {
  if (createLimit === undefined) return NO_CREATE_LIMIT;
  const { TenantCreateLimit } = await import('./auth/rate-limits.js');
  return new TenantCreateLimit(createLimit, redis);
}

async function openTurns(redis: RedisOptions | undefined, project: string, log: Logger): Promise<PollTurns> {
  if (redis === undefined) return ALONE;
  const { openRedisTurns } = await import('./connection-reads/redis-poll-lease.js');
  return openRedisTurns(redis, project, log);
}
