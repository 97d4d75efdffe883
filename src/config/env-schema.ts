import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { PROJECT_ID_PATTERN } from '../huawei-cloud/authenticator.js';
import { isLoopback, rangeOf } from '../lib/ip-address.js';
import { parseRedisUrl } from '../lib/redis-url.js';

/** A port; 0 for any free one. */
const port = whole(0, 65_535, 'a port number');
/** A host name or IP address to listen on. */
const hostName = z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an IP address');
/** A text that is safe in an HTTP header. */
const headerSafe = z.string().regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces');
/** The base URL of a service of Huawei Cloud. */
const endpoint = address(
  'must be an address with its scheme and without path, query or user',
  ({ pathname, search }) => pathname === '/' && search === '',
).transform(text => new URL(text));
const flag = z.enum(['true', 'false'], 'must be true or false').transform(value => value === 'true');
/** A comma-separated list; surrounding spaces and empty parts are dropped. */
const list = z.string().transform(text =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== ''),
);

function checkRedisUrl({ value, issues }: z.core.ParsePayload<string>): void {
  try {
    parseRedisUrl(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    issues.push({ code: 'custom', input: value, message: error.message });
  }
}

function whole(min: number, max: number, kind = 'a whole number') {
  const rule = `must be ${kind} from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, rule)
    .transform(Number)
    .refine(value => value >= min && value <= max, rule);
}

function milliseconds(min: number, max: number) {
  return whole(min, max, 'a whole number of milliseconds');
}

function oneOf<const T extends string>(...values: [T, ...T[]]) {
  return z.enum(values, `must be one of ${values.join(', ')}`);
}

/** An HTTP URL without user or fragment; plain HTTP is accepted on loopback only. */
function address(rule: string, isAccepted: (url: URL) => boolean = () => true) {
  const isWellFormed = (text: string) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    const rest = `${url.hash}${url.username}${url.password}`;
    return /^https?:$/.test(url.protocol) && rest === '' && isAccepted(url);
  };
  const encryptionRule = 'must use https; http is accepted for loopback addresses only';
  return z.string().refine(isWellFormed, rule).refine(isEncryptedOrLoopback, encryptionRule);
}

/** Whether a text is the address of an HTTP proxy. */
function isProxyUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, search, hash, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && `${pathname}${search}${hash}` === '/' && isPercentEncoded(username + password);
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function isEncryptedOrLoopback(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { protocol, hostname } = new URL(text);
  return protocol !== 'http:' || isLoopback(hostname);
}

/** Whether a text is a web origin in the format that browsers send, or a loopback origin with `*` as its port. */
function isOrigin(text: string): boolean {
  const origin = text.replace(/:\*$/, '');
  if (!/^https?:/.test(text) || !URL.canParse(origin)) return false;
  const url = new URL(origin);
  return url.origin === origin && (origin === text || (url.port === '' && isLoopback(url.hostname)));
}

/** Asymmetric signature algorithms only: with HMAC, anyone who has the public key could sign tokens. */
const SIGNATURE_ALGORITHMS: ReadonlySet<string> = new Set([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]);

/** A comma-separated list of at least one name. */
const names = list.refine(
  parts => parts.length > 0 && parts.every(part => headerSafe.safeParse(part).success),
  'must be printable ASCII without spaces; several names are separated by commas',
);

// RFC 6749, section 3.3.
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be one scope, without spaces and quotes');

/** The variables for callers and their limits. */
const authSettings = {
  CALLER_AUTH: z.enum(['jwt', 'none'], {
    error: ({ input }) => (input === undefined ? 'must be set explicitly: jwt or none' : 'must be jwt or none'),
  }),
  OIDC_ISSUER: address(
    'must be the address that tokens have as iss, with its scheme and without query or user',
    ({ search }) => search === '',
  ).optional(),
  OIDC_AUDIENCE: names.optional(),
  OIDC_AUDIENCE_CLAIM: headerSafe.default('aud'),
  OIDC_JWKS_URI: address('must be an address with its scheme and without user or fragment')
    .transform(text => new URL(text))
    .optional(),
  OIDC_ALGORITHMS: list
    .refine(
      names => names.length > 0 && names.every(name => SIGNATURE_ALGORITHMS.has(name)),
      `must be some of ${[...SIGNATURE_ALGORITHMS].join(', ')}, separated by commas`,
    )
    .default(['RS256', 'PS256', 'ES256', 'EdDSA']),
  OIDC_TENANT_CLAIM: headerSafe.default('sub'),
  OIDC_SCOPE_CLAIM: names.default(['scope', 'scp']),
  OIDC_SCOPE_READ: scope.default('dli:connection:read'),
  OIDC_SCOPE_CREATE: scope.default('dli:connection:create'),
  OIDC_SCOPE_DELETE: scope.default('dli:connection:delete'),
  OIDC_MAX_TOKEN_AGE_SECONDS: whole(60, 31_536_000, 'a whole number of seconds').default(86_400),
  RATE_LIMIT_CREATES_PER_SECOND: whole(0, 10_000).optional(),
  RATE_LIMIT_CREATES_BURST: whole(1, 100_000).optional(),
  RATE_LIMIT_FAILED_LOGINS_PER_MINUTE: whole(1, 100_000).default(300),
  ALLOWED_HOSTS: list
    .refine(
      hosts => hosts.every(isHost),
      'must be host names or IP addresses without ports, such as gateway.example.com, separated by commas',
    )
    .default([]),
  TRUST_PROXY: list
    .refine(
      proxies => proxies.every(isAddressRange),
      'must be IP addresses or ranges such as 10.0.0.0/8, but not of all addresses, separated by commas',
    )
    .default([]),
};

/** Whether a text is a host name or an IP address as in a `Host` header, or an IPv6 address without brackets. */
function isHost(text: string): boolean {
  // A zone is local to one machine, and no Host header has one.
  const isIpv6 = isIP(text.replace(/^\[(.*)\]$/, '$1')) === 6 && !text.includes('%');
  return isIpv6 || (/^[A-Za-z0-9._-]+$/.test(text) && URL.canParse(`http://${text}`));
}

// A range of all addresses, in either spelling of IPv4, would let clients choose their own address.
function isAddressRange(text: string): boolean {
  if (!text.includes('/')) return isIP(text) !== 0;
  const isRange = ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text);
  return isRange && rangeOf(text)[1] > 0;
}

/** The variables that may come from a file that `NAME_FILE` names. */
export const SECRET_KEYS = [
  'HUAWEICLOUD_SDK_AK',
  'HUAWEICLOUD_SDK_SK',
  'HUAWEICLOUD_SDK_SECURITY_TOKEN',
  'IAM_USERNAME',
  'IAM_PASSWORD',
  'IAM_DOMAIN_NAME',
  'REDIS_URL',
  'HTTPS_PROXY',
  'REDIS_SENTINEL_PASSWORD',
] as const;

/** Every variable with its format and default. Rules that span several variables are checked in `loadConfig`. */
export const envSchema = z.object({
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
  HUAWEICLOUD_SDK_PROJECT_ID: z.string().regex(PROJECT_ID_PATTERN, 'must be 1 to 64 letters, digits and -').optional(),
  OPERATION_TIMEOUT_MS: milliseconds(1_000, 120_000).default(20_000),
  SHUTDOWN_DELAY_MS: milliseconds(0, 120_000).default(0),
  KEEP_ALIVE_TIMEOUT_MS: milliseconds(1_000, 600_000).default(75_000),
  DATA_DIR: z.string().default('.data'),
  REDIS_URL: z.string().check(checkRedisUrl).optional(),
  REDIS_CA_FILE: z.string().optional(),
  REDIS_SENTINEL_PASSWORD: z.string().optional(),
  RECONCILE_SETTLE_MS: milliseconds(100, 900_000).default(120_000),
  DLI_MARKER_TAG: flag.default(false),
  READ_FRESHNESS_MS: milliseconds(0, 60_000).default(1_000),
  FOLLOW_INTERVAL_MS: milliseconds(100, 60_000).default(1_000),
  READ_CALLS_PER_SECOND: whole(1, 1_000).default(100),
  FOLLOW_CALLS_PER_SECOND: whole(1, 1_000).default(20),
  MAX_EVENT_LOOP_DELAY_MS: milliseconds(50, 60_000).default(200),
  ...authSettings,
  EXPLORER: oneOf('graphiql', 'sandbox', 'none').optional(),
  FEDERATION: flag.optional(),
  TRUSTED_DOCUMENTS: z.string().optional(),
  CA_FILE: z.string().optional(),
  HTTPS_PROXY: z
    .string()
    .refine(isProxyUrl, 'must be the address of a proxy, such as http://proxy.example.com:3128')
    .transform(text => new URL(text))
    .optional(),
  NO_PROXY: z
    .string()
    .transform(text => text.split(/[,\s]+/).filter(part => part !== ''))
    .default([]),
  // This variable of Node has no effect on DLI, IAM or Redis, and accepting it would suggest otherwise.
  NODE_TLS_REJECT_UNAUTHORIZED: z
    .string()
    .refine(value => value !== '0', 'must not be 0: certificates are always verified; CA_FILE names trusted ones')
    .optional(),
  CORS_ORIGINS: list
    .refine(origins => origins.every(isOrigin), 'must be origins such as https://app.example.com, separated by commas')
    .default([]),
  LOG_LEVEL: oneOf('debug', 'info', 'warn', 'error').default('info'),
  METRICS: flag.default(true),
  BUILD_COMMIT: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, ., _ and -')
    .default('unknown'),
});

/** {@link envSchema} with no variable required. */
export const optionalEnvSchema = envSchema.partial({ DLI_REGION: true, CALLER_AUTH: true });

/** The parsed variables. */
export type EnvValues = z.infer<typeof envSchema>;

/** The parsed variables, where even required ones may be missing or invalid. */
export type OptionalEnvValues = z.infer<typeof optionalEnvSchema>;

/** The default of a variable as it would be written; undefined if it has none, or depends on other variables. */
export function defaultOf(key: string): string | undefined {
  const schema = Object.entries(envSchema.shape).find(([name]) => name === key)?.[1];
  const { data } = schema?.safeParse(undefined) ?? {};
  const isEmpty = data === undefined || (Array.isArray(data) && data.length === 0);
  return isEmpty ? undefined : String(data);
}

/** Whether a text is a valid value of one of {@link SECRET_KEYS}. */
export function isValidSecret(key: string, text: string): boolean {
  const secretKey = SECRET_KEYS.find(candidate => candidate === key);
  return secretKey !== undefined && envSchema.shape[secretKey].safeParse(text).success;
}
