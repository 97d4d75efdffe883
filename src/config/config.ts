import type { ExplorerKind } from '../http/explorer.js';
import type { CallersConfig } from './auth-config.js';
import { callersFrom } from './auth-config.js';
import type { CredentialsConfig } from './credentials.js';
import { credentialsFrom, followedFiles } from './credentials.js';
import type { Settings } from './env-schema.js';
import { SECRET_KEYS, settings } from './env-schema.js';
import type { Environment, Problem } from './secret-files.js';
import { readCertificates, readDocuments, readEnvironment } from './secret-files.js';

/** Everything that operators decide, checked. */
export interface Config {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  /** Region id; also the name of the built-in project of the region. */
  readonly region: string;
  readonly dliEndpoint: URL;
  readonly iamEndpoint: URL;
  readonly credentials: CredentialsConfig;
  /** Paths of the credentials that may change while the gateway runs, by their keys. */
  readonly credentialFiles: Readonly<Record<string, string>>;
  /** Looked up in IAM when undefined. */
  readonly projectId: string | undefined;
  readonly operationTimeoutMs: number;
  /** Folder of the embedded store of operation records. */
  readonly dataDir: string;
  /** Redis for the operation records of several instances; replaces the folder. */
  readonly redisUrl: string | undefined;
  /** How long after it was sent a create may still appear in DLI's list, in milliseconds. */
  readonly settleMs: number;
  /** Whether creates carry a tag by which their connection is found. */
  readonly markerTag: boolean;
  /** How old an answer may be that was read for another caller, in milliseconds. */
  readonly readFreshnessMs: number;
  /** From one look at a followed connection to the next while it changes, in milliseconds. */
  readonly followIntervalMs: number;
  /** Calls to DLI for all callers who read together, in a second. */
  readonly readCallsPerSecond: number;
  /** Looks at all followed connections together in a second. */
  readonly followCallsPerSecond: number;
  /** Mean event-loop delay above which requests are shed, in milliseconds. */
  readonly maxEventLoopDelayMs: number;
  readonly callerAuth: 'jwt' | 'none';
  readonly callers: CallersConfig;
  /** Proxies whose word about where a request comes from is taken: IP addresses and ranges. */
  readonly trustedProxies: readonly string[];
  readonly explorer: ExplorerKind;
  /** The only documents that are executed, by their ids; any when undefined. */
  readonly trustedDocuments: Readonly<Record<string, string>> | undefined;
  /** The only authorities that may vouch for DLI and IAM, in PEM; those of Node when undefined. */
  readonly certificates: readonly string[] | undefined;
  readonly corsOrigins: readonly string[];
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** The configuration is wrong: names every bad key with its rule, and no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ key, rule }) => `${key} ${rule}`).join('\n'));
    this.problems = problems;
  }
}

/**
 * The configuration from environment variables; a secret may instead be in the file that `NAME_FILE` names.
 *
 * @param env read only; an empty value counts as not given
 * @throws {ConfigError} with all problems at once
 */
export function loadConfig(env: Environment): Config {
  const { values, files, problems } = readEnvironment(env, Object.keys(settings.shape), SECRET_KEYS);
  const parsed = settings.safeParse(values);
  const wrong = parsed.success ? [] : parsed.error.issues;
  const known = new Set(problems.map(({ key }) => key));
  for (const { path, message } of wrong) {
    const key = String(path[0]);
    if (!known.has(key)) problems.push({ key, rule: message });
    known.add(key);
  }
  if (parsed.success && parsed.data.PORT !== 0 && parsed.data.PORT === parsed.data.ADMIN_PORT) {
    problems.push({ key: 'ADMIN_PORT', rule: 'must be another port than PORT' });
  }
  const credentials = credentialsFrom(values, problems);
  const callers = parsed.success ? callersFrom(parsed.data, problems) : undefined;
  const fromFiles = readFiles(values, problems);
  if (!parsed.success || credentials === undefined || callers === undefined || problems.length > 0)
    throw new ConfigError(problems);
  return Object.freeze({
    ...toConfig(parsed.data),
    callers,
    credentials,
    credentialFiles: followedFiles(credentials, files),
    ...fromFiles,
  });
}

type FromFiles = Pick<Config, 'trustedDocuments' | 'certificates'>;

function readFiles(
  { TRUSTED_DOCUMENTS, CA_FILE, EXPLORER = 'none' }: Readonly<Record<string, string | undefined>>,
  problems: Problem[],
): FromFiles {
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

function toConfig(
  values: Settings,
): Omit<Config, 'callers' | 'credentials' | 'credentialFiles' | keyof FromFiles> {
  const { DLI_REGION: region } = values;
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
    explorer: values.EXPLORER ?? (hasExplorer(values) ? 'graphiql' : 'none'),
    corsOrigins: values.CORS_ORIGINS,
    logLevel: values.LOG_LEVEL,
  };
}

function hasExplorer({ NODE_ENV, TRUSTED_DOCUMENTS }: Settings): boolean {
  return NODE_ENV !== 'production' && TRUSTED_DOCUMENTS === undefined;
}
