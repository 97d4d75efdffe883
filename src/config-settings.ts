import { z } from 'zod';
import { callerSettings } from './config-caller-settings.js';
import { endpoint, flag, headerSafe, hostName, isOrigin, list, oneOf, port, whole } from './config-forms.js';
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
    100,
    900_000,
    'must be a whole number of milliseconds from 100 to 900000',
  ).default(120_000),
  DLI_NAMES_ARE_UNIQUE: flag().default(false),
  DLI_MARKER_TAG: flag().default(false),
  READ_FRESHNESS_MS: whole(0, 60_000, 'must be a whole number of milliseconds from 0 to 60000').default(
    1_000,
  ),
  FOLLOW_INTERVAL_MS: whole(100, 60_000, 'must be a whole number of milliseconds from 100 to 60000').default(
    1_000,
  ),
  READ_CALLS_PER_SECOND: whole(1, 1_000, 'must be a whole number from 1 to 1000').default(100),
  FOLLOW_CALLS_PER_SECOND: whole(1, 1_000, 'must be a whole number from 1 to 1000').default(20),
  MAX_EVENT_LOOP_DELAY_MS: whole(
    50,
    60_000,
    'must be a whole number of milliseconds from 50 to 60000',
  ).default(200),
  ...callerSettings,
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
  CORS_ORIGINS: list
    .refine(
      origins => origins.every(isOrigin),
      'must be origins such as https://app.example.com, separated by commas',
    )
    .default([]),
  LOG_LEVEL: oneOf('debug', 'info', 'warn', 'error').default('info'),
});

/** Every variable, read. */
export type Settings = z.infer<typeof settings>;

/** Whether a text may be the value of a secret. */
export function isValidSecret(key: string, text: string): boolean {
  const form = SECRET_KEYS.find(candidate => candidate === key);
  return form !== undefined && settings.shape[form].safeParse(text).success;
}
