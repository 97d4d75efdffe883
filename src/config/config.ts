import type { ExplorerKind } from '../http/explorer.js';
import type { AuthConfig } from './auth-config.js';
import { readAuthConfig } from './auth-config.js';
import type { CredentialsConfig } from './credentials.js';
import { readCredentials, watchedFiles } from './credentials.js';
import type { EnvValues } from './env-schema.js';
import { envSchema, SECRET_KEYS } from './env-schema.js';
import type { Environment, Problem } from './secret-files.js';
import { readCertificates, readDocuments, readEnvironment } from './secret-files.js';

/** The validated configuration of the gateway. */
export interface Config {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  /** Region id, which is also the name of the region's default project. */
  readonly region: string;
  readonly dliEndpoint: URL;
  readonly iamEndpoint: URL;
  readonly credentials: CredentialsConfig;
  /** Paths of the credential files to watch for rotation, by variable. */
  readonly credentialFiles: Readonly<Record<string, string>>;
  /** Undefined: looked up in IAM. */
  readonly projectId: string | undefined;
  /** Time limit of one create, delete or read. */
  readonly operationTimeoutMs: number;
  /** Folder of the embedded operation store. */
  readonly dataDir: string;
  /** Redis as the operation store, shared by several gateways; replaces the folder. */
  readonly redisUrl: string | undefined;
  /** How long after sending a create its connection may still appear in DLI's list, in milliseconds. */
  readonly settleMs: number;
  /** Whether creates add a tag by which reconciliation finds the connection. */
  readonly markerTag: boolean;
  /** Maximum age of a read that is shared with other callers, in milliseconds. */
  readonly readFreshnessMs: number;
  /** Poll interval of a watched connection while it changes, in milliseconds. */
  readonly followIntervalMs: number;
  /** Reads sent to DLI per second, for all callers together. */
  readonly readCallsPerSecond: number;
  /** Polls sent to DLI per second, for all watched connections together. */
  readonly followCallsPerSecond: number;
  /** Mean event-loop delay in milliseconds above which requests are shed. */
  readonly maxEventLoopDelayMs: number;
  readonly callerAuth: 'jwt' | 'none';
  readonly auth: AuthConfig;
  /** Proxies whose `X-Forwarded-For` is trusted: IP addresses and CIDR ranges. */
  readonly trustedProxies: readonly string[];
  readonly explorer: ExplorerKind;
  /** Trusted documents by id, the only ones that are executed; undefined allows all documents. */
  readonly trustedDocuments: Readonly<Record<string, string>> | undefined;
  /** PEM certificates of the only CAs that are trusted for DLI and IAM; undefined for Node's CAs. */
  readonly certificates: readonly string[] | undefined;
  readonly corsOrigins: readonly string[];
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** The configuration is invalid. Lists every invalid variable with its rule, and never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ key, rule }) => `${key} ${rule}`).join('\n'));
    this.problems = problems;
  }
}

/**
 * Loads the configuration from environment variables, where an empty value counts as not set. A secret may come from
 * the file that `NAME_FILE` names instead.
 *
 * @throws {ConfigError} listing all problems at once
 */
export function loadConfig(env: Environment): Config {
  const { values, files, problems } = readEnvironment(env, Object.keys(envSchema.shape), SECRET_KEYS);
  const parsed = envSchema.safeParse(values);
  const issues = parsed.success ? [] : parsed.error.issues;
  const reported = new Set(problems.map(({ key }) => key));
  for (const { path, message } of issues) {
    const key = String(path[0]);
    if (!reported.has(key)) problems.push({ key, rule: message });
    reported.add(key);
  }
  if (parsed.success && parsed.data.PORT !== 0 && parsed.data.PORT === parsed.data.ADMIN_PORT) {
    problems.push({ key: 'ADMIN_PORT', rule: 'must be another port than PORT' });
  }
  const credentials = readCredentials(values, problems);
  const auth = parsed.success ? readAuthConfig(parsed.data, problems) : undefined;
  const fromFiles = readFiles(values, problems);
  if (!parsed.success || credentials === undefined || auth === undefined || problems.length > 0)
    throw new ConfigError(problems);
  return Object.freeze({
    ...toConfig(parsed.data),
    auth,
    credentials,
    credentialFiles: watchedFiles(credentials, files),
    ...fromFiles,
  });
}

function readFiles(
  { TRUSTED_DOCUMENTS, CA_FILE, EXPLORER = 'none' }: Readonly<Record<string, string | undefined>>,
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
  }
  if (CA_FILE !== undefined && certificates === undefined)
    problems.push({ key: 'CA_FILE', rule: 'must name a readable file with certificates in PEM' });
  return { trustedDocuments, certificates };
}

function toConfig(values: EnvValues) {
  const { DLI_REGION: region } = values;
  const isDevelopment = values.NODE_ENV !== 'production';
  const domain = region === 'eu-west-101' ? 'myhuaweicloud.eu' : 'myhuaweicloud.com';
  return {
    host: values.HOST,
    port: values.PORT,
    adminHost: values.ADMIN_HOST,
    adminPort: values.ADMIN_PORT,
    region,
    dliEndpoint: values.DLI_ENDPOINT ?? new URL(`https://dli.${region}.${domain}`),
    iamEndpoint: values.HUAWEICLOUD_SDK_IAM_ENDPOINT ?? new URL(`https://iam.${domain}`),
    projectId: values.HUAWEICLOUD_SDK_PROJECT_ID,
    operationTimeoutMs: values.OPERATION_TIMEOUT_MS,
    dataDir: values.DATA_DIR,
    redisUrl: values.REDIS_URL,
    settleMs: values.RECONCILE_SETTLE_MS,
    markerTag: values.DLI_MARKER_TAG,
    readFreshnessMs: values.READ_FRESHNESS_MS,
    followIntervalMs: values.FOLLOW_INTERVAL_MS,
    readCallsPerSecond: values.READ_CALLS_PER_SECOND,
    followCallsPerSecond: values.FOLLOW_CALLS_PER_SECOND,
    maxEventLoopDelayMs: values.MAX_EVENT_LOOP_DELAY_MS,
    callerAuth: values.CALLER_AUTH,
    trustedProxies: values.TRUST_PROXY,
    explorer: values.EXPLORER ?? (isDevelopment && !values.TRUSTED_DOCUMENTS ? 'graphiql' : 'none'),
    corsOrigins: values.CORS_ORIGINS,
    logLevel: values.LOG_LEVEL,
  };
}
