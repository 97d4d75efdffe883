import { z } from 'zod';
import { defaultOf, envSchema, SECRET_KEYS } from './env-schema.js';

/** A JSON schema, or a part of one. */
interface JsonSchema {
  [keyword: string]: unknown;
}

const HEADING = '## Variables';
const KEYS = Object.keys(envSchema.shape);
const ACCESS_KEY = ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK'];
const IAM_USER = ['IAM_USERNAME', 'IAM_PASSWORD', 'IAM_DOMAIN_NAME'];

/**
 * The JSON schema (draft 2020-12) of an object that maps variables to strings, where a variable may be empty instead of
 * absent. It lacks the rules that only the gateway can check, such as those for addresses.
 *
 * @param documentation Markdown with a table of all variables, whose last column describes them
 * @throws {Error} naming a variable that the table lacks
 */
export function configurationSchema(documentation: string): JsonSchema {
  const descriptions = readDescriptions(documentation);
  const { properties = {}, required } = z.toJSONSchema(envSchema, { io: 'input', unrepresentable: 'any' });
  const variables = KEYS.flatMap(key => {
    const description = descriptions.get(key);
    if (description === undefined) throw new Error(`No row of "${HEADING}" describes ${key}.`);
    const isRequired = required?.includes(key) === true;
    const { default: _, ...format } = toObject(properties[key]);
    const value = isRequired ? format : orEmpty(format);
    const defaultText = defaultOf(key);
    const variable = { description, ...value, ...(defaultText !== undefined && { default: defaultText }) };
    return [[key, variable], ...(isSecret(key) ? [[`${key}_FILE`, fileOf(key)]] : [])];
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of the DLI gateway',
    description: 'Its environment variables. An empty value counts as not set.',
    type: 'object',
    properties: Object.fromEntries(variables),
    required,
    allOf: rules(),
  };
}

/** The descriptions of the variables, by name. Links are replaced by their text. */
function readDescriptions(documentation: string): Map<string, string> {
  const [, section = ''] = documentation.split(`\n${HEADING}\n`);
  const [table = ''] = section.split('\n## ');
  const rows = [...table.matchAll(/^\| (.+?) \| .+ \| (.+) \|$/gm)];
  return new Map(
    rows.flatMap(([, names = '', meaning = '']) =>
      [...names.matchAll(/`(\w+)`/g)].map(
        ([, name = '']) => [name, meaning.replace(/\[(.+?)\]\(.+?\)/g, '$1')] as const,
      ),
    ),
  );
}

function toObject(schema: z.core.JSONSchema._JSONSchema | undefined): JsonSchema {
  return typeof schema === 'object' ? { ...schema } : {};
}

function isSecret(key: string): boolean {
  return SECRET_KEYS.some(secret => secret === key);
}

function fileOf(key: string): JsonSchema {
  return { description: `File that holds ${key}.`, type: 'string' };
}

function orEmpty(format: JsonSchema): JsonSchema {
  const { enum: values, pattern } = format;
  if (Array.isArray(values)) return { ...format, enum: [...values, ''] };
  return pattern === undefined ? format : { ...format, pattern: `^$|${pattern}` };
}

/** The rules that span several variables. */
function rules(): JsonSchema[] {
  return [
    ...SECRET_KEYS.map(key => ({ not: { allOf: [isSet(key), isSet(`${key}_FILE`)] } })),
    {
      oneOf: [
        { allOf: ACCESS_KEY.map(isGiven), not: { anyOf: IAM_USER.map(isGiven) } },
        {
          allOf: IAM_USER.map(isGiven),
          not: { anyOf: [...ACCESS_KEY, 'HUAWEICLOUD_SDK_SECURITY_TOKEN'].map(isGiven) },
        },
      ],
    },
    {
      if: { properties: { CALLER_AUTH: { const: 'jwt' } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { allOf: ['OIDC_ISSUER', 'OIDC_AUDIENCE'].map(isSet) },
    },
    {
      if: isSet('TRUSTED_DOCUMENTS'),
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { properties: { EXPLORER: { enum: ['none', ''] }, FEDERATION: { enum: ['false', ''] } } },
    },
  ];
}

function isSet(key: string): JsonSchema {
  return { required: [key], properties: { [key]: { type: 'string', minLength: 1 } } };
}

/** Whether a secret is set, or the file that holds it. */
function isGiven(key: string): JsonSchema {
  return { anyOf: [isSet(key), isSet(`${key}_FILE`)] };
}
