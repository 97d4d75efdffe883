import { z } from 'zod';
import type { EmulatorOptions } from './options.js';
import {
  DEFAULT_ACCESS_KEY,
  DEFAULT_DOMAIN_NAME,
  DEFAULT_PASSWORD,
  DEFAULT_PROJECT_ID,
  DEFAULT_PROJECT_NAME,
  DEFAULT_SECRET_KEY,
  DEFAULT_USER_NAME,
} from './options.js';
import { describeProblems } from './problems.js';
import { ANSWER_STYLES, isRegExp, NOT_FOUND_ERRORS } from './settings.js';

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
  EMULATOR_ANSWER_STYLE: z.enum(ANSWER_STYLES, `must be one of ${ANSWER_STYLES.join(', ')}`).optional(),
  EMULATOR_NOT_FOUND_ERROR: z
    .enum(NOT_FOUND_ERRORS, `must be one of ${NOT_FOUND_ERRORS.join(', ')}`)
    .optional(),
});

/** Where the emulator process listens and how its emulator behaves. */
export interface EmulatorConfiguration {
  readonly host: string;
  readonly port: number;
  readonly options: Partial<EmulatorOptions>;
}

/** A configuration, or everything that is wrong with the environment: names and rules, never values. */
export type ReadEnvironment =
  | { readonly configuration: EmulatorConfiguration; readonly problems?: never }
  | { readonly problems: readonly string[]; readonly configuration?: never };

/** Reads the `EMULATOR_*` variables. An empty value counts as not set, as container tools pass it. */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): ReadEnvironment {
  const set = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  const result = environmentSchema.safeParse(Object.fromEntries(set));
  return result.success
    ? { configuration: toConfiguration(result.data) }
    : { problems: describeProblems(result.error) };
}

function toConfiguration(variables: z.output<typeof environmentSchema>): EmulatorConfiguration {
  const securityToken = variables.EMULATOR_SECURITY_TOKEN;
  const options: Partial<EmulatorOptions> = {
    projects: [{ id: variables.EMULATOR_PROJECT_ID, name: variables.EMULATOR_REGION }],
    accessKeys: [
      {
        accessKey: variables.EMULATOR_AK,
        secretKey: variables.EMULATOR_SK,
        ...(securityToken === undefined ? {} : { securityToken }),
      },
    ],
    users: [
      {
        name: variables.EMULATOR_USERNAME,
        password: variables.EMULATOR_PASSWORD,
        domainName: variables.EMULATOR_DOMAIN_NAME,
      },
    ],
    ...given('creationMs', variables.EMULATOR_CREATION_MS),
    ...given('uniqueNames', variables.EMULATOR_UNIQUE_NAMES),
    ...given('failNames', variables.EMULATOR_FAIL_NAMES),
    ...given('tokenLifetimeMs', variables.EMULATOR_TOKEN_LIFETIME_MS),
    ...given('lockAfterFailures', variables.EMULATOR_LOCK_AFTER_FAILURES),
    ...given('failureReason', variables.EMULATOR_FAILURE_REASON),
    ...given('tombstoneMs', variables.EMULATOR_TOMBSTONE_MS),
    ...given('listLagMs', variables.EMULATOR_LIST_LAG_MS),
    ...given('answerStyle', variables.EMULATOR_ANSWER_STYLE),
    ...given('notFoundError', variables.EMULATOR_NOT_FOUND_ERROR),
  };
  return { host: variables.EMULATOR_HOST, port: variables.EMULATOR_PORT, options };
}

function given<Key extends keyof EmulatorOptions>(key: Key, value: EmulatorOptions[Key] | undefined) {
  return value === undefined ? {} : { [key]: value };
}
