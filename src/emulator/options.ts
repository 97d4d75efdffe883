import { z } from 'zod';
import type { EmulatorSettings } from './settings.js';
import { ANSWER_STYLES, DEFAULT_SETTINGS, isRegExp, NOT_FOUND_ERRORS } from './settings.js';

/** The default access key. Published on purpose; not a secret. */
export const DEFAULT_ACCESS_KEY = 'EMULATORACCESSKEY001';
/** The secret key of {@link DEFAULT_ACCESS_KEY}. Published on purpose; not a secret. */
export const DEFAULT_SECRET_KEY = 'EmulatorSecretKeyNotRealNotRealNotReal00';
/** The default IAM user. */
export const DEFAULT_USER_NAME = 'emulator-user';
/** The password of {@link DEFAULT_USER_NAME}. Published on purpose; not a secret. */
export const DEFAULT_PASSWORD = 'emulator-password-not-real';
/** The account (IAM domain) of {@link DEFAULT_USER_NAME}. */
export const DEFAULT_DOMAIN_NAME = 'emulator-account';
/** The id of the default project, which is the example of the vendor's manual. */
export const DEFAULT_PROJECT_ID = '48cc2c48765f481480c7db940d6409d1';
/** The name of the default project; built-in projects are named after their region. */
export const DEFAULT_PROJECT_NAME = 'cn-north-4';

/** A project of the emulated account. */
export interface EmulatorProject {
  readonly id: string;
  readonly name: string;
}

/** A key pair for signing requests. A temporary key has a `securityToken`, which its requests must include. */
interface EmulatorAccessKey {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly securityToken?: string;
}

/** An IAM user who can obtain tokens by password. */
export interface EmulatorUser {
  readonly name: string;
  readonly password: string;
  readonly domainName: string;
}

/** Options of an emulator. */
export interface EmulatorOptions extends EmulatorSettings {
  /** Default: one project, {@link DEFAULT_PROJECT_ID} named {@link DEFAULT_PROJECT_NAME}. */
  projects: readonly EmulatorProject[];
  /** Default: one permanent pair, {@link DEFAULT_ACCESS_KEY} and {@link DEFAULT_SECRET_KEY}. */
  accessKeys: readonly EmulatorAccessKey[];
  /** Default: {@link DEFAULT_USER_NAME} of {@link DEFAULT_DOMAIN_NAME} with {@link DEFAULT_PASSWORD}. */
  users: readonly EmulatorUser[];
  /** The clock, in milliseconds since the epoch. Default `Date.now`. Scripted delays do not follow it. */
  now: () => number;
  /** Prints the internal errors of the emulator. Default: they are not printed. */
  printError: (text: string) => void;
}

/** Fills in the defaults. Returns a new object, which the caller may change. */
export function resolveOptions(options: Partial<EmulatorOptions> = {}): EmulatorOptions {
  return {
    ...DEFAULT_SETTINGS,
    projects: [{ id: DEFAULT_PROJECT_ID, name: DEFAULT_PROJECT_NAME }],
    accessKeys: [{ accessKey: DEFAULT_ACCESS_KEY, secretKey: DEFAULT_SECRET_KEY }],
    users: [{ name: DEFAULT_USER_NAME, password: DEFAULT_PASSWORD, domainName: DEFAULT_DOMAIN_NAME }],
    now: Date.now,
    printError: () => {},
    ...options,
  };
}

const text = z.string().regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');
const wholeNumber = z
  .string()
  .regex(/^\d{1,12}$/, 'must be a whole number')
  .transform(Number);
const truth = z
  .enum(['true', 'false', '1', '0'], 'must be true or false')
  .transform(value => value === 'true' || value === '1');

const environmentSchema = z.object({
  EMULATOR_HOST: text.default('127.0.0.1'),
  EMULATOR_PORT: wholeNumber.refine(port => port <= 65_535, 'must be at most 65535').default(4010),
  EMULATOR_REGION: text.default(DEFAULT_PROJECT_NAME),
  EMULATOR_PROJECT_ID: text.default(DEFAULT_PROJECT_ID),
  EMULATOR_AK: text.regex(/^[^,\s]+$/, 'must not contain spaces or commas').default(DEFAULT_ACCESS_KEY),
  EMULATOR_SK: text.default(DEFAULT_SECRET_KEY),
  EMULATOR_SECURITY_TOKEN: text.optional(),
  EMULATOR_USERNAME: text.default(DEFAULT_USER_NAME),
  EMULATOR_PASSWORD: text.default(DEFAULT_PASSWORD),
  EMULATOR_DOMAIN_NAME: text.default(DEFAULT_DOMAIN_NAME),
  EMULATOR_CREATION_MS: wholeNumber.optional(),
  EMULATOR_UNIQUE_NAMES: truth.optional(),
  EMULATOR_FAIL_NAMES: z.string().refine(isRegExp, 'must be a regular expression').optional(),
  EMULATOR_TOKEN_LIFETIME_MS: wholeNumber.optional(),
  EMULATOR_LOCK_AFTER_FAILURES: wholeNumber.optional(),
  EMULATOR_FAILURE_REASON: z.string().optional(),
  EMULATOR_TOMBSTONE_MS: wholeNumber.optional(),
  EMULATOR_LIST_LAG_MS: wholeNumber.optional(),
  EMULATOR_PEERING_MS: wholeNumber.optional(),
  EMULATOR_ANSWER_STYLE: z.enum(ANSWER_STYLES, `must be one of ${ANSWER_STYLES.join(', ')}`).optional(),
  EMULATOR_NOT_FOUND_ERROR: z.enum(NOT_FOUND_ERRORS, `must be one of ${NOT_FOUND_ERRORS.join(', ')}`).optional(),
});

/** Configuration of an emulator process: its address and its options. */
export type EmulatorConfiguration = NonNullable<ReturnType<typeof readEnvironment>['configuration']>;

/**
 * Reads the `EMULATOR_*` variables, or lists the rules that they break, by variable and without values. An empty value
 * counts as unset, because container tools pass unset variables that way.
 *
 * `isPortSet`: whether the port was set rather than left at the default.
 */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>) {
  const set = Object.entries(environment).filter(([key, value]) => isSet(key, value));
  const variables = Object.fromEntries(set);
  const result = environmentSchema.safeParse(variables);
  return result.success
    ? { configuration: { ...toConfiguration(result.data), isPortSet: 'EMULATOR_PORT' in variables } }
    : { problems: result.error.issues.map(({ path, message }) => ({ key: path.join('.'), rule: message })) };
}

// For a service that is called `emulator`, Kubernetes sets EMULATOR_PORT to an address such as tcp://10.0.0.1:4010.
function isSet(key: string, value: string | undefined): boolean {
  const isServiceLink = key === 'EMULATOR_PORT' && /^(?:tcp|udp|sctp):\/\/\S+:\d+$/.test(value ?? '');
  return value !== undefined && value !== '' && !isServiceLink;
}

function toConfiguration(variables: z.output<typeof environmentSchema>) {
  const { EMULATOR_AK: accessKey, EMULATOR_SK: secretKey, EMULATOR_SECURITY_TOKEN: securityToken } = variables;
  const { EMULATOR_USERNAME: name, EMULATOR_PASSWORD: password, EMULATOR_DOMAIN_NAME: domainName } = variables;
  const options: Partial<EmulatorOptions> = {
    projects: [{ id: variables.EMULATOR_PROJECT_ID, name: variables.EMULATOR_REGION }],
    accessKeys: [{ accessKey, secretKey, ...(securityToken !== undefined && { securityToken }) }],
    users: [{ name, password, domainName }],
    ...given('creationMs', variables.EMULATOR_CREATION_MS),
    ...given('uniqueNames', variables.EMULATOR_UNIQUE_NAMES),
    ...given('failNames', variables.EMULATOR_FAIL_NAMES),
    ...given('tokenLifetimeMs', variables.EMULATOR_TOKEN_LIFETIME_MS),
    ...given('lockAfterFailures', variables.EMULATOR_LOCK_AFTER_FAILURES),
    ...given('failureReason', variables.EMULATOR_FAILURE_REASON),
    ...given('tombstoneMs', variables.EMULATOR_TOMBSTONE_MS),
    ...given('listLagMs', variables.EMULATOR_LIST_LAG_MS),
    ...given('peeringMs', variables.EMULATOR_PEERING_MS),
    ...given('answerStyle', variables.EMULATOR_ANSWER_STYLE),
    ...given('notFoundError', variables.EMULATOR_NOT_FOUND_ERROR),
  };
  return { host: variables.EMULATOR_HOST, port: variables.EMULATOR_PORT, options };
}

function given<Key extends keyof EmulatorOptions>(key: Key, value: EmulatorOptions[Key] | undefined) {
  return value === undefined ? {} : { [key]: value };
}
