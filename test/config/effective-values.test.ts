import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/config.js';
import { printEffectiveValues } from '../../src/config/effective-values.js';
import { envSchema } from '../../src/config/env-schema.js';
import type { Environment } from '../../src/config/secret-files.js';
import { MINIMAL_ENVIRONMENT } from '../helpers/config-problems.js';
import { createSecretFolder } from '../helpers/secret-folder.js';
import { SENTINEL_ACCESS_KEY, SENTINEL_USER, SENTINELS } from '../helpers/sentinels.js';

function print(changes: Environment = {}): string {
  const env = { ...MINIMAL_ENVIRONMENT, ...changes };
  return printEffectiveValues(loadConfig(env), env);
}

/** The lines of some variables. */
function linesOf(text: string, ...names: string[]): string[] {
  return text.split('\n').filter(line => names.includes(line.split('=')[0] ?? ''));
}

describe('the printed configuration', () => {
  it('has a line for every variable, in the order of their names', () => {
    const names = [...print().matchAll(/^(\w+)=.* # (?:environment|default)\n/gm)].map(([, name]) => name);
    expect(names).toEqual(Object.keys(envSchema.shape).sort());
  });

  it('has the values in use and where they come from', () => {
    const text = print({ PORT: '', ADMIN_PORT: 'tcp://10.0.0.1:4001', LOG_LEVEL: 'debug', CORS_ORIGINS: '' });
    expect(linesOf(text, 'PORT', 'ADMIN_PORT', 'LOG_LEVEL', 'CORS_ORIGINS', 'OIDC_SCOPE_CLAIM', 'REDIS_URL')).toEqual([
      'ADMIN_PORT=4001 # default',
      'CORS_ORIGINS= # default',
      'LOG_LEVEL=debug # environment',
      'OIDC_SCOPE_CLAIM=scope,scp # default',
      'PORT=4000 # default',
      'REDIS_URL= # default',
    ]);
  });

  it('has the defaults that depend on other variables', () => {
    const names = ['DLI_ENDPOINT', 'HUAWEICLOUD_SDK_IAM_ENDPOINT', 'EXPLORER', 'FEDERATION'];
    const limits = ['RATE_LIMIT_CREATES_PER_SECOND', 'RATE_LIMIT_CREATES_BURST'];
    const text = print({
      DLI_REGION: 'eu-west-101',
      NODE_ENV: 'development',
      CALLER_AUTH: 'jwt',
      OIDC_ISSUER: 'https://issuer.example',
      OIDC_AUDIENCE: 'gateway',
    });
    expect(linesOf(text, ...names, ...limits)).toEqual([
      'DLI_ENDPOINT=https://dli.eu-west-101.myhuaweicloud.eu # default',
      'EXPLORER=graphiql # default',
      'FEDERATION=true # default',
      'HUAWEICLOUD_SDK_IAM_ENDPOINT=https://iam.myhuaweicloud.eu # default',
      'RATE_LIMIT_CREATES_BURST=20 # default',
      'RATE_LIMIT_CREATES_PER_SECOND=10 # default',
    ]);
  });

  it('names the files of secrets', () => {
    const { env } = createSecretFolder({ HUAWEICLOUD_SDK_SK: SENTINELS.secretKey });
    const text = print({ HUAWEICLOUD_SDK_SK: undefined, ...env });
    expect(linesOf(text, 'HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK', 'HUAWEICLOUD_SDK_SK_FILE')).toEqual([
      'HUAWEICLOUD_SDK_AK=[redacted] # environment',
      'HUAWEICLOUD_SDK_SK=[redacted] # file',
      `HUAWEICLOUD_SDK_SK_FILE=${env['HUAWEICLOUD_SDK_SK_FILE']} # environment`,
    ]);
  });

  it.each([
    ['REDIS_URL', 'rediss://user:canary@cache.example:6380/1', 'rediss://cache.example:6380/1'],
    ['REDIS_URL', 'redis://:canary@[::1]', 'redis://[::1]'],
    ['REDIS_URL', 'redis://cache', 'redis://cache'],
    ['OIDC_JWKS_URI', 'https://issuer.example/keys?code=canary', 'https://issuer.example/keys?[redacted]'],
    ['OIDC_JWKS_URI', 'https://issuer.example/keys', 'https://issuer.example/keys'],
    ['OIDC_AUDIENCE', 'user:canary@host', '[redacted]'],
  ])('omits the user, password and query of an address: %s=%s', (name, value, shown) => {
    const text = print({ [name]: value });
    expect(linesOf(text, name)).toEqual([`${name}=${shown} # environment`]);
    expect(text).not.toContain('canary');
  });

  it.each([
    ['an access key', SENTINEL_ACCESS_KEY],
    ['an IAM user', SENTINEL_USER],
  ])('contains no secret of %s', (_kind, secrets) => {
    const redisUrl = `redis://${encodeURIComponent(SENTINELS.userName)}:${encodeURIComponent(SENTINELS.redisPassword)}@cache`;
    const text = print({ ...secrets, REDIS_URL: redisUrl });
    for (const secret of Object.values(SENTINELS)) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(encodeURIComponent(secret));
    }
    expect(linesOf(text, 'HUAWEICLOUD_SDK_PROJECT_ID')).toEqual([
      'HUAWEICLOUD_SDK_PROJECT_ID=[redacted] # environment',
    ]);
  });

  it('quotes values that would look like another part of the line', () => {
    expect(linesOf(print({ DATA_DIR: '/data #1\nPORT=1' }), 'DATA_DIR', 'PORT')).toEqual([
      'DATA_DIR="/data #1\\nPORT=1" # environment',
      'PORT=4000 # default',
    ]);
  });
});
