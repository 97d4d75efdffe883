import type { RedisSettings } from '../lib/redis-url.js';
import { parseRedisUrl } from '../lib/redis-url.js';
import type { AuthConfig } from './auth-config.js';
import { readAuthConfig } from './auth-config.js';
import type { CredentialsConfig } from './credentials.js';
import { readCredentials, watchedFiles } from './credentials.js';
import type { EnvValues, OptionalEnvValues } from './env-schema.js';
import { envSchema, optionalEnvSchema, SECRET_KEYS } from './env-schema.js';
import type { Environment, Problem } from './secret-files.js';
import { addProblem, hasProblem, readCertificates, readDocuments, readEnvironment } from './secret-files.js';

/** The validated configuration of the gateway. */
export interface Config extends Readonly<ReturnType<typeof toConfig> & ReturnType<typeof readFiles>> {
  readonly auth: AuthConfig;
  readonly credentials: CredentialsConfig;
  /** Redis as the operation store, shared by several gateways; replaces the folder. */
  readonly redis: (RedisSettings & { readonly urlFile: string | undefined }) | undefined;
  /** Paths of the credential files to watch for rotation, by variable. */
  readonly credentialFiles: Readonly<Record<string, string>>;
}

/** The configuration is invalid. Lists every invalid variable with the rule it breaks, never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(({ key, rule }) => `${key} ${rule}`).join('\n'));
  }
}

/**
 * Loads the configuration from environment variables, where an empty value counts as not set. A secret may come from
 * the file that `NAME_FILE` names instead.
 *
 * @throws {ConfigError} listing all problems of the variables at once; trusted documents are checked against the schema
 *   later
 */
export function loadConfig(env: Environment): Config {
  const { values, files, problems } = readEnvironment(env, Object.keys(envSchema.shape), SECRET_KEYS);
  // Compiling a schema takes longer than using it once without.
  const { data, error } = envSchema.safeParse(values, { jitless: true });
  for (const { path, message } of error?.issues ?? []) addProblem(problems, { key: String(path[0]), rule: message });
  // Rules that span several variables are checked even if others are invalid.
  const valid = optionalEnvSchema.parse(withoutInvalid(values, problems), { jitless: true });
  const arePortsValid = !hasProblem(problems, 'PORT') && !hasProblem(problems, 'ADMIN_PORT');
  if (arePortsValid && valid.PORT !== 0 && valid.PORT === valid.ADMIN_PORT)
    problems.push({ key: 'ADMIN_PORT', rule: 'must be another port than PORT' });
  const credentials = readCredentials(values, problems);
  const auth = readAuthConfig(valid, problems);
  const fromFiles = readFiles(values, problems);
  const redis = readRedis(valid, problems);
  if (data === undefined || credentials === undefined || problems.length > 0) throw new ConfigError(problems);
  return Object.freeze({
    ...toConfig(data),
    auth,
    credentials,
    credentialFiles: watchedFiles(credentials, files),
    redis: redis && { ...redis, urlFile: files['REDIS_URL'] },
    ...fromFiles,
  });
}

function withoutInvalid(values: Readonly<Record<string, string | undefined>>, problems: readonly Problem[]) {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !hasProblem(problems, key)));
}

function readFiles(
  { TRUSTED_DOCUMENTS, CA_FILE, EXPLORER = 'none', FEDERATION }: Readonly<Record<string, string | undefined>>,
  problems: Problem[],
) {
  const trustedDocuments = TRUSTED_DOCUMENTS === undefined ? undefined : readDocuments(TRUSTED_DOCUMENTS);
  const certificates = CA_FILE === undefined ? undefined : readCertificates(CA_FILE);
  if (TRUSTED_DOCUMENTS !== undefined && trustedDocuments === undefined) {
    const rule = 'must name a JSON file that holds documents by their ids, such as {"<hash>": "<document>"}';
    problems.push({ key: 'TRUSTED_DOCUMENTS', rule });
  } else if (TRUSTED_DOCUMENTS !== undefined && EXPLORER !== 'none') {
    problems.push({
      key: 'TRUSTED_DOCUMENTS',
      rule: 'leaves no document for an explorer: EXPLORER must be none',
    });
  } else if (TRUSTED_DOCUMENTS !== undefined && FEDERATION === 'true') {
    problems.push({
      key: 'TRUSTED_DOCUMENTS',
      rule: 'leaves no document for a supergraph: FEDERATION must not be true',
    });
  }
  if (CA_FILE !== undefined && certificates === undefined)
    problems.push({ key: 'CA_FILE', rule: 'must name a readable file with certificates in PEM' });
  return {
    /** Trusted documents by id, the only ones that are executed; undefined allows all documents. */
    trustedDocuments,
    /** PEM certificates of the only CAs trusted for DLI, IAM and the token issuer; undefined for Node's CAs. */
    certificates,
  };
}

function readRedis(
  { REDIS_URL, REDIS_CA_FILE, REDIS_SENTINEL_PASSWORD: sentinelPassword }: OptionalEnvValues,
  problems: Problem[],
): RedisSettings | undefined {
  const address = REDIS_URL === undefined ? undefined : parseRedisUrl(REDIS_URL);
  const certificates = REDIS_CA_FILE === undefined ? undefined : readCertificates(REDIS_CA_FILE);
  const isUrlValid = !hasProblem(problems, 'REDIS_URL') && !hasProblem(problems, 'REDIS_URL_FILE');
  if (REDIS_CA_FILE !== undefined && certificates === undefined)
    problems.push({ key: 'REDIS_CA_FILE', rule: 'must name a readable file with certificates in PEM' });
  else if (REDIS_CA_FILE !== undefined && isUrlValid && address?.isEncrypted !== true)
    problems.push({ key: 'REDIS_CA_FILE', rule: 'needs a REDIS_URL with TLS, such as rediss://host:6380' });
  if (sentinelPassword !== undefined && isUrlValid && address?.mode !== 'sentinel')
    problems.push({
      key: 'REDIS_SENTINEL_PASSWORD',
      rule: 'needs a REDIS_URL with redis-sentinel: or rediss-sentinel:',
    });
  return address && { address, certificates, sentinelPassword };
}

function toConfig(values: EnvValues) {
  const { DLI_REGION: region } = values;
  const hasExplorer = values.NODE_ENV !== 'production' && values.TRUSTED_DOCUMENTS === undefined;
  const explorer = values.EXPLORER ?? (hasExplorer ? 'graphiql' : 'none');
  const domain = region === 'eu-west-101' ? 'myhuaweicloud.eu' : 'myhuaweicloud.com';
  return {
    host: values.HOST,
    /** 0 for any free port. */
    port: values.PORT,
    adminHost: values.ADMIN_HOST,
    adminPort: values.ADMIN_PORT,
    /** Region id, which is also the name of the region's default project. */
    region,
    dliEndpoint: values.DLI_ENDPOINT ?? new URL(`https://dli.${region}.${domain}`),
    iamEndpoint: values.HUAWEICLOUD_SDK_IAM_ENDPOINT ?? new URL(`https://iam.${domain}`),
    /** Proxy to DLI, IAM and the token issuer; undefined for direct connections. */
    proxy: values.HTTPS_PROXY === undefined ? undefined : { url: values.HTTPS_PROXY, noProxy: values.NO_PROXY },
    /** Undefined: looked up in IAM. */
    projectId: values.HUAWEICLOUD_SDK_PROJECT_ID,
    /** Time limit of one create, delete or read. */
    operationTimeoutMs: values.OPERATION_TIMEOUT_MS,
    /** How long the gateway goes on serving after SIGTERM, so that load balancers notice, in milliseconds. */
    shutdownDelayMs: values.SHUTDOWN_DELAY_MS,
    /** How long a client's connection may be idle after a response, in milliseconds. */
    keepAliveTimeoutMs: values.KEEP_ALIVE_TIMEOUT_MS,
    /** Folder of the embedded operation store. */
    dataDir: values.DATA_DIR,
    /** How long after sending a create its connection may still appear in DLI's list, in milliseconds. */
    settleMs: values.RECONCILE_SETTLE_MS,
    /** Whether creates add a tag by which reconciliation finds the connection. */
    addsMarkerTag: values.DLI_MARKER_TAG,
    /** Maximum age of a read that is shared with other callers, in milliseconds. */
    readFreshnessMs: values.READ_FRESHNESS_MS,
    /** Poll interval of a watched connection while it changes, in milliseconds. */
    pollIntervalMs: values.FOLLOW_INTERVAL_MS,
    /** Reads sent to DLI per second, for all callers together. */
    readCallsPerSecond: values.READ_CALLS_PER_SECOND,
    /** Polls sent to DLI per second, for all watched connections together. */
    pollCallsPerSecond: values.FOLLOW_CALLS_PER_SECOND,
    /** Mean event-loop delay in milliseconds above which requests are shed. */
    maxEventLoopDelayMs: values.MAX_EVENT_LOOP_DELAY_MS,
    callerAuth: values.CALLER_AUTH,
    /** Host names and addresses, besides those of loopback, by which anonymous callers may call the gateway. */
    allowedHosts: values.ALLOWED_HOSTS,
    /** Proxies whose `X-Forwarded-For` is trusted: IP addresses and CIDR ranges. */
    trustedProxies: values.TRUST_PROXY,
    explorer,
    /** Whether the gateway serves a supergraph as a subgraph of Apollo Federation. */
    isSubgraph: values.FEDERATION ?? explorer !== 'none',
    /** Whether the built front end of `examples/web` is served. */
    isDevelopment: values.NODE_ENV === 'development',
    corsOrigins: values.CORS_ORIGINS,
    logLevel: values.LOG_LEVEL,
    /** Whether metrics are kept and served on the admin port. */
    hasMetrics: values.METRICS,
    /** The commit from which the gateway was built, for the metrics. */
    buildCommit: values.BUILD_COMMIT,
  };
}
