import { isIP } from 'node:net';
import { z } from 'zod';
import type { Environment, Problem } from './environment.js';
import { readEnvironment } from './environment.js';
import type { ExplorerKind } from './http/explorer.js';
import type { AccessKeyCredentials } from './huawei-cloud/access-key-authenticator.js';
import type { IamUser } from './huawei-cloud/iam-client.js';
import { PROJECT_ID_PATTERN } from './huawei-cloud/iam-client.js';

/** How the gateway authenticates at Huawei Cloud. */
type CredentialsConfig = ({ kind: 'accessKey' } & AccessKeyCredentials) | ({ kind: 'iamUser' } & IamUser);

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
  /** Looked up in IAM when undefined. */
  readonly projectId: string | undefined;
  readonly operationTimeoutMs: number;
  readonly callerAuth: 'none';
  readonly explorer: ExplorerKind;
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

const SECRET_KEYS = [
  'HUAWEICLOUD_SDK_AK',
  'HUAWEICLOUD_SDK_SK',
  'HUAWEICLOUD_SDK_SECURITY_TOKEN',
  'IAM_USERNAME',
  'IAM_PASSWORD',
  'IAM_DOMAIN_NAME',
] as const;

const HEADER_SAFE = /^[\x21-\x7e]+$/;

const port = whole(0, 65_535, 'must be a port number from 0 to 65535');
const hostName = z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an IP address');
const headerSafe = z.string().regex(HEADER_SAFE, 'must be printable ASCII without spaces');
const endpoint = z
  .string()
  .refine(isBareUrl, 'must be an address with its scheme and without path, query or user')
  .refine(isEncryptedOrLoopback, 'must use https; http is accepted for loopback addresses only')
  .transform(text => new URL(text));

const settings = z.object({
  NODE_ENV: oneOf('production', 'development', 'test').default('production'),
  HOST: hostName.default('127.0.0.1'),
  PORT: port.default(4000),
  ADMIN_HOST: hostName.default('127.0.0.1'),
  ADMIN_PORT: port.default(4001),
  DLI_REGION: z
    .string('is required, for example cn-north-4')
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be a region id such as cn-north-4'),
  DLI_ENDPOINT: endpoint.optional(),
  HUAWEICLOUD_SDK_IAM_ENDPOINT: endpoint.optional(),
  HUAWEICLOUD_SDK_AK: headerSafe.optional(),
  HUAWEICLOUD_SDK_SK: headerSafe.optional(),
  HUAWEICLOUD_SDK_SECURITY_TOKEN: headerSafe.optional(),
  IAM_USERNAME: z.string().optional(),
  IAM_PASSWORD: z.string().optional(),
  IAM_DOMAIN_NAME: z.string().optional(),
  HUAWEICLOUD_SDK_PROJECT_ID: z
    .string()
    .regex(PROJECT_ID_PATTERN, 'must be 1 to 64 letters, digits and -')
    .optional(),
  OPERATION_TIMEOUT_MS: whole(
    1_000,
    120_000,
    'must be a whole number of milliseconds from 1000 to 120000',
  ).default(20_000),
  CALLER_AUTH: z
    .string('is required: none, said explicitly')
    .refine(value => value !== 'jwt', 'jwt is not built yet; the only mode is none')
    .refine(value => value === 'jwt' || value === 'none', 'must be none')
    .transform(() => 'none' as const),
  EXPLORER: oneOf('graphiql', 'sandbox', 'none').optional(),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform(text =>
      text
        .split(',')
        .map(part => part.trim())
        .filter(part => part !== ''),
    )
    .refine(
      origins => origins.every(isOrigin),
      'must be origins such as https://app.example.com, separated by commas',
    ),
  LOG_LEVEL: oneOf('debug', 'info', 'warn', 'error').default('info'),
});

type Settings = z.infer<typeof settings>;

/**
 * The configuration from environment variables; a secret may instead be in the file that `NAME_FILE` names.
 *
 * @param env read only; an empty value counts as not given
 * @throws {ConfigError} with all problems at once
 */
export function loadConfig(env: Environment): Config {
  const { values, problems } = readEnvironment(env, Object.keys(settings.shape), SECRET_KEYS);
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
  if (!parsed.success || credentials === undefined || problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(toConfig(parsed.data, credentials));
}

/** Whether a host is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

function toConfig(values: Settings, credentials: CredentialsConfig): Config {
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
    credentials,
    projectId: values.HUAWEICLOUD_SDK_PROJECT_ID,
    operationTimeoutMs: values.OPERATION_TIMEOUT_MS,
    callerAuth: values.CALLER_AUTH,
    explorer: values.EXPLORER ?? (values.NODE_ENV === 'production' ? 'none' : 'graphiql'),
    corsOrigins: values.CORS_ORIGINS,
    logLevel: values.LOG_LEVEL,
  };
}

function credentialsFrom(
  values: Readonly<Record<string, string | undefined>>,
  problems: Problem[],
): CredentialsConfig | undefined {
  const accessKey = values['HUAWEICLOUD_SDK_AK'];
  const secretKey = values['HUAWEICLOUD_SDK_SK'];
  const securityToken = values['HUAWEICLOUD_SDK_SECURITY_TOKEN'];
  const name = values['IAM_USERNAME'];
  const password = values['IAM_PASSWORD'];
  const domainName = values['IAM_DOMAIN_NAME'];
  const wantsKey = accessKey !== undefined || secretKey !== undefined || securityToken !== undefined;
  const wantsUser = name !== undefined || password !== undefined || domainName !== undefined;
  const missing = (key: string, value: string | undefined, rule: string) => {
    if (value === undefined && problems.every(problem => problem.key !== key)) problems.push({ key, rule });
  };
  if (wantsKey && wantsUser) {
    problems.push({
      key: 'HUAWEICLOUD_SDK_AK',
      rule: 'and IAM_USERNAME exclude each other: give one kind of credentials',
    });
  }
  if (wantsKey || !wantsUser) {
    const rule =
      wantsUser || wantsKey
        ? 'is required with access keys'
        : 'is required, or IAM_USERNAME with IAM_PASSWORD and IAM_DOMAIN_NAME';
    missing('HUAWEICLOUD_SDK_AK', accessKey, rule);
    missing('HUAWEICLOUD_SDK_SK', secretKey, rule);
  }
  if (wantsUser) {
    missing('IAM_USERNAME', name, 'is required with an IAM user');
    missing('IAM_PASSWORD', password, 'is required with an IAM user');
    missing('IAM_DOMAIN_NAME', domainName, 'is required with an IAM user');
  }
  if (accessKey !== undefined && secretKey !== undefined) {
    return { kind: 'accessKey', accessKey, secretKey, ...(securityToken !== undefined && { securityToken }) };
  }
  if (name === undefined || password === undefined || domainName === undefined) return undefined;
  return { kind: 'iamUser', name, password, domainName };
}

function whole(min: number, max: number, rule: string) {
  return z
    .string()
    .regex(/^\d{1,9}$/, rule)
    .transform(Number)
    .refine(value => value >= min && value <= max, rule);
}

function oneOf<const T extends string>(...values: [T, ...T[]]) {
  return z.enum(values, `must be one of ${values.join(', ')}`);
}

function isBareUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, search, hash, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && pathname === '/' && `${search}${hash}${username}${password}` === '';
}

function isEncryptedOrLoopback(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { protocol, hostname } = new URL(text);
  return protocol !== 'http:' || isLoopback(hostname);
}

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
