import { isIP } from 'node:net';
import { z } from 'zod';
import { PROJECT_ID_PATTERN } from './huawei-cloud/iam-client.js';

/** The keys whose values may stand in a file that `NAME_FILE` names. */
export const SECRET_KEYS = [
  'HUAWEICLOUD_SDK_AK',
  'HUAWEICLOUD_SDK_SK',
  'HUAWEICLOUD_SDK_SECURITY_TOKEN',
  'IAM_USERNAME',
  'IAM_PASSWORD',
  'IAM_DOMAIN_NAME',
  'REDIS_URL',
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

/** The form of every variable by itself; what several must agree on is checked elsewhere. */
export const settings = z.object({
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
  DATA_DIR: z.string().default('.data'),
  REDIS_URL: z
    .string()
    .refine(
      text => /^rediss?:/.test(text) && URL.canParse(text),
      'must be an address such as redis://host:6379 or rediss://user:password@host:6380',
    )
    .optional(),
  RECONCILE_SETTLE_MS: whole(
    1_000,
    900_000,
    'must be a whole number of milliseconds from 1000 to 900000',
  ).default(120_000),
  DLI_NAMES_ARE_UNIQUE: flag().default(false),
  DLI_MARKER_TAG: flag().default(false),
  CALLER_AUTH: z
    .string('is required: none, said explicitly')
    .refine(value => value !== 'jwt', 'jwt is not built yet; the only mode is none')
    .refine(value => value === 'jwt' || value === 'none', 'must be none')
    .transform(() => 'none' as const),
  EXPLORER: oneOf('graphiql', 'sandbox', 'none').optional(),
  TRUSTED_DOCUMENTS: z.string().optional(),
  CA_FILE: z.string().optional(),
  // Node's own. It has no effect on DLI, IAM or Redis, and whoever sets it believes that it has.
  NODE_TLS_REJECT_UNAUTHORIZED: z
    .string()
    .refine(
      value => value !== '0',
      'must not be 0: certificates are always verified; CA_FILE names trusted ones',
    )
    .optional(),
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

/** Every variable, read. */
export type Settings = z.infer<typeof settings>;

/** Whether a text may be the value of a secret. */
export function isValidSecret(key: string, text: string): boolean {
  const form = SECRET_KEYS.find(candidate => candidate === key);
  return form !== undefined && settings.shape[form].safeParse(text).success;
}

/** Whether a host is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

function whole(min: number, max: number, rule: string) {
  return z
    .string()
    .regex(/^\d{1,9}$/, rule)
    .transform(Number)
    .refine(value => value >= min && value <= max, rule);
}

function flag() {
  return z.enum(['true', 'false'], 'must be true or false').transform(value => value === 'true');
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
