import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import Fastify from 'fastify';
import { loadConfig } from '../../src/config/config.js';
import { defaultOf, envSchema, SECRET_KEYS } from '../../src/config/env-schema.js';
import { configurationSchema } from '../../src/config/json-schema.js';
import type { Environment } from '../../src/config/secret-files.js';
import { MINIMAL_ENVIRONMENT } from '../helpers/config-problems.js';
import { readDocument } from '../helpers/documents.js';

const FILE = new URL('../../docs/configuration.schema.json', import.meta.url);
const KEYS = Object.keys(envSchema.shape);
const schema = configurationSchema(readDocument('docs/configuration.md'));
const properties = schema['properties'] as Record<string, { description: string; default?: string }>;

const NO_KEYS = { HUAWEICLOUD_SDK_AK: '', HUAWEICLOUD_SDK_SK: '' };
const IAM_USER = { IAM_USERNAME: 'user', IAM_PASSWORD: 'password', IAM_DOMAIN_NAME: 'account' };

describe('docs/configuration.schema.json', () => {
  it('is up to date', () => {
    expect(JSON.parse(readFileSync(FILE, 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  it('describes every variable, and every file that may hold a secret', () => {
    const names = [...KEYS, ...SECRET_KEYS.map(key => `${key}_FILE`)];
    expect(Object.keys(properties).toSorted()).toEqual(names.toSorted());
    for (const { description } of Object.values(properties)) expect(description).toMatch(/^[^\]|]{10,}\.$/s);
  });

  it('cannot be generated from documentation that lacks a variable', () => {
    const documentation = readDocument('docs/configuration.md').replace('| `LOG_LEVEL` |', '| `LOG` |');
    expect(() => configurationSchema(documentation)).toThrow('No row of "## Variables" describes LOG_LEVEL.');
  });

  it('has defaults that the gateway accepts as values', () => {
    const defaults = Object.entries(properties).flatMap(([key, each]) => (each.default ? [[key, each.default]] : []));
    expect(defaults.length).toBeGreaterThan(20);
    expect(loadConfig({ ...MINIMAL_ENVIRONMENT, ...Object.fromEntries(defaults) })).toEqual(
      loadConfig(MINIMAL_ENVIRONMENT),
    );
  });

  it('has the defaults of the table in docs/configuration.md', () => {
    for (const key of KEYS.filter(name => defaultOf(name) !== undefined)) {
      const [row] = readDocument('docs/configuration.md').match(new RegExp(`^\\|[^|]*\`${key}\`.*$`, 'm')) ?? [''];
      expect(row.split('|')[2]).toContain(`\`${defaultOf(key)}\``);
    }
  });
});

describe('a configuration', () => {
  let isValid: (env: Environment) => Promise<boolean>;

  beforeAll(() => {
    // Fastify's validator implements an older draft, in which the keywords used here mean the same.
    const { $schema: _, ...body } = schema;
    const customOptions = { coerceTypes: false, removeAdditional: false, useDefaults: false } as const;
    const app = Fastify({ ajv: { customOptions } });
    app.post('/', { schema: { body } }, async () => ({}));
    isValid = async env => (await app.inject({ method: 'POST', url: '/', payload: { ...env } })).statusCode === 200;
  });

  it.each<[Environment]>([
    [{}],
    [{ PORT: '', EXPLORER: '', LOG_LEVEL: '', CALLER_AUTH: 'none', OTHER: 'anything' }],
    [{ PORT: '8080', OPERATION_TIMEOUT_MS: '5000', DLI_MARKER_TAG: 'true', LOG_LEVEL: 'debug' }],
    [{ CALLER_AUTH: 'jwt', OIDC_ISSUER: 'https://issuer.example', OIDC_AUDIENCE: 'gateway' }],
    [{ ...NO_KEYS, ...IAM_USER }],
    [{ REDIS_URL: 'redis://cache' }],
  ])('is accepted by the gateway and the schema: %j', async changes => {
    const env = { ...MINIMAL_ENVIRONMENT, ...changes };
    expect(() => loadConfig(env)).not.toThrow();
    expect(await isValid(env)).toBe(true);
  });

  it.each<[Environment]>([
    [{ DLI_REGION: '' }],
    [{ DLI_REGION: undefined }],
    [{ CALLER_AUTH: '' }],
    [{ CALLER_AUTH: 'anonymous' }],
    [{ PORT: 'http' }],
    [{ LOG_LEVEL: 'trace' }],
    [{ HUAWEICLOUD_SDK_SK: '' }],
    [{ ...NO_KEYS }],
    [{ ...IAM_USER }],
    [{ IAM_USERNAME: 'user' }],
    [{ ...NO_KEYS, ...IAM_USER, IAM_PASSWORD: '' }],
    [{ ...NO_KEYS, ...IAM_USER, HUAWEICLOUD_SDK_SECURITY_TOKEN: 'token' }],
    [{ HUAWEICLOUD_SDK_SK_FILE: '/run/secrets/sk' }],
    [{ REDIS_URL: 'redis://cache', REDIS_URL_FILE: '/run/secrets/redis' }],
    [{ CALLER_AUTH: 'jwt', OIDC_ISSUER: 'https://issuer.example' }],
    [{ TRUSTED_DOCUMENTS: 'documents.json', EXPLORER: 'graphiql' }],
    [{ TRUSTED_DOCUMENTS: 'documents.json', FEDERATION: 'true' }],
  ])('is refused by the gateway and the schema: %j', async changes => {
    const env = { ...MINIMAL_ENVIRONMENT, ...changes };
    expect(() => loadConfig(env)).toThrow();
    expect(await isValid(env)).toBe(false);
  });

  it('may name secret files instead', async () => {
    const files = { HUAWEICLOUD_SDK_AK_FILE: '/run/secrets/ak', HUAWEICLOUD_SDK_SK_FILE: '/run/secrets/sk' };
    expect(await isValid({ ...MINIMAL_ENVIRONMENT, ...NO_KEYS, ...files })).toBe(true);
  });
});
