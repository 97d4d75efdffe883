import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/config.js';
import type { Environment } from '../../src/config/secret-files.js';
import { MINIMAL_ENVIRONMENT, printedRefusal, problemsWith, refusalOf } from '../helpers/config-problems.js';
import { TEST_CERTIFICATE_PATH } from '../helpers/tls-fixture.js';

const PORT_RULE = 'must be a port number from 0 to 65535';
const HOST_RULE = 'must be a host name or an IP address';
const REGION_RULE = 'must be a region id such as cn-north-4';
const HEADER_RULE = 'must be printable ASCII without spaces';
const PROJECT_RULE = 'must be 1 to 64 letters, digits and -';
const TIMEOUT_RULE = 'must be a whole number of milliseconds from 1000 to 120000';
const SENTINEL_RULE = 'must end with the name of the master, such as #mymaster';
const REDIS_RULE =
  'must be an address such as redis://host:6379, rediss://user:password@host:6380, ' +
  'redis-cluster://host1:6379,host2:6379 or redis-sentinel://host1:26379,host2:26379/0#master';
const SETTLE_RULE = 'must be a whole number of milliseconds from 100 to 900000';
const FLAG_RULE = 'must be true or false';
const ORIGINS_RULE = 'must be origins such as https://app.example.com, separated by commas';

describe('the configuration', () => {
  it('requires two different ports, unless they are 0', () => {
    const rule = 'must be another port than PORT';
    expect(problemsWith({ PORT: '4500', ADMIN_PORT: '4500' })).toEqual([{ key: 'ADMIN_PORT', rule }]);
    expect(loadConfig({ ...MINIMAL_ENVIRONMENT, PORT: '0', ADMIN_PORT: '0' })).toMatchObject({
      port: 0,
      adminPort: 0,
    });
  });

  it('has defaults for everything but the region, the credentials and CALLER_AUTH', () => {
    expect(loadConfig(MINIMAL_ENVIRONMENT)).toEqual({
      host: '127.0.0.1',
      port: 4000,
      adminHost: '127.0.0.1',
      adminPort: 4001,
      region: 'cn-north-4',
      dliEndpoint: new URL('https://dli.cn-north-4.myhuaweicloud.com'),
      iamEndpoint: new URL('https://iam.myhuaweicloud.com'),
      credentials: { kind: 'accessKey', accessKey: 'AK-OF-A-TEST', secretKey: 'SK-OF-A-TEST' },
      credentialFiles: {},
      projectId: undefined,
      operationTimeoutMs: 20_000,
      shutdownDelayMs: 0,
      keepAliveTimeoutMs: 75_000,
      dataDir: '.data',
      redis: undefined,
      settleMs: 120_000,
      addsMarkerTag: false,
      readFreshnessMs: 1_000,
      pollIntervalMs: 1_000,
      readCallsPerSecond: 100,
      pollCallsPerSecond: 20,
      maxEventLoopDelayMs: 200,
      callerAuth: 'none',
      auth: { tokens: undefined, mutationLimit: undefined, failedLoginsPerMinute: 300 },
      allowedHosts: [],
      trustedProxies: [],
      explorer: 'none',
      isSubgraph: false,
      isDevelopment: false,
      trustedDocuments: undefined,
      certificates: undefined,
      proxy: undefined,
      corsOrigins: [],
      logLevel: 'info',
      hasMetrics: true,
      buildCommit: 'unknown',
    });
  });

  it('treats an empty value as not set', () => {
    const empty = { PORT: '', EXPLORER: '', LOG_LEVEL: '', NODE_ENV: '', DLI_ENDPOINT: '', CORS_ORIGINS: '' };
    expect(loadConfig({ ...MINIMAL_ENVIRONMENT, ...empty })).toEqual(loadConfig(MINIMAL_ENVIRONMENT));
  });

  it.each(['tcp://10.0.0.1:4001', 'udp://admin:4001', 'sctp://[fd00::1]:4001'])(
    'ignores a port that Kubernetes sets for a service of this name: %s',
    address => {
      const env = { ...MINIMAL_ENVIRONMENT, PORT: address, ADMIN_PORT: address };
      expect(loadConfig(env)).toEqual(loadConfig(MINIMAL_ENVIRONMENT));
    },
  );

  it.each(['tcp://10.0.0.1', 'http://10.0.0.1:4001', '10.0.0.1:4001'])(
    'is refused with another address as a port: %s',
    address => {
      expect(problemsWith({ ADMIN_PORT: address })).toEqual([{ key: 'ADMIN_PORT', rule: PORT_RULE }]);
    },
  );

  it('is refused with such an address in other variables', () => {
    expect(problemsWith({ HOST: 'tcp://10.0.0.1:4000' })).toEqual([{ key: 'HOST', rule: HOST_RULE }]);
  });

  it.each([
    ['development', undefined, 'graphiql'],
    ['test', undefined, 'graphiql'],
    ['production', undefined, 'none'],
    ['production', 'sandbox', 'sandbox'],
    ['development', 'none', 'none'],
  ])('with NODE_ENV=%s and EXPLORER=%s has the explorer %s', (nodeEnv, chosen, explorer) => {
    const env = { ...MINIMAL_ENVIRONMENT, NODE_ENV: nodeEnv, EXPLORER: chosen };
    expect(loadConfig(env).explorer).toBe(explorer);
  });

  it.each([
    ['none', undefined, false],
    ['graphiql', undefined, true],
    ['sandbox', undefined, true],
    ['none', 'true', true],
    ['graphiql', 'false', false],
  ])('with EXPLORER=%s and FEDERATION=%s serves a supergraph: %s', (explorer, chosen, federation) => {
    const env = { ...MINIMAL_ENVIRONMENT, EXPLORER: explorer, FEDERATION: chosen };
    expect(loadConfig(env).isSubgraph).toBe(federation);
  });

  it('reads a list of origins, without spaces and empty parts', () => {
    const env = { ...MINIMAL_ENVIRONMENT, CORS_ORIGINS: 'https://a.example , http://localhost:3000,,' };
    expect(loadConfig(env).corsOrigins).toEqual(['https://a.example', 'http://localhost:3000']);
  });

  it('is frozen, and does not change the environment', () => {
    const env = Object.freeze({ ...MINIMAL_ENVIRONMENT });
    expect(Object.isFrozen(loadConfig(env))).toBe(true);
  });
});

describe('an invalid value', () => {
  it.each([
    ['NODE_ENV', ['live', 'Production', 'staging'], 'must be one of production, development, test'],
    ['HOST', ['my host', 'http://localhost', '[::1]', 'a/b'], HOST_RULE],
    ['PORT', ['65536', '-1', '4000.5', '0x10', 'eighty', '4000 '], PORT_RULE],
    ['ADMIN_HOST', ['my host', '127.0.0.1/admin'], HOST_RULE],
    ['ADMIN_PORT', ['65536', '-1', 'metrics'], PORT_RULE],
    ['DLI_REGION', ['CN-NORTH-4', 'cn_north_4', '-cn', 'evil.example/', 'a@b'], REGION_RULE],
    ['HUAWEICLOUD_SDK_AK', ['AK WITH SPACE', 'ÄK', 'AK\r\nx-evil: 1'], HEADER_RULE],
    ['HUAWEICLOUD_SDK_SK', ['SK WITH SPACE', 'SK\u0000'], HEADER_RULE],
    ['HUAWEICLOUD_SDK_SECURITY_TOKEN', ['TOKEN WITH SPACE', 'TÖKEN'], HEADER_RULE],
    ['HUAWEICLOUD_SDK_PROJECT_ID', ['a/../b', 'project_1', 'p'.repeat(65)], PROJECT_RULE],
    ['OPERATION_TIMEOUT_MS', ['999', '120001', '1e4', '20s', '-5', '1500.5'], TIMEOUT_RULE],
    ['SHUTDOWN_DELAY_MS', ['-10', '120001', '10s'], 'must be a whole number of milliseconds from 0 to 120000'],
    ['KEEP_ALIVE_TIMEOUT_MS', ['999', '600001', '75s'], 'must be a whole number of milliseconds from 1000 to 600000'],
    [
      'REDIS_URL',
      ['http://localhost:6379', 'localhost:6379', 'redis://[::1', 'rediss//cache', 'redis://:pw@', 'redis://a,b'],
      REDIS_RULE,
    ],
    ['REDIS_URL', ['redis-cluster://a:1,,b:2', 'redis-cluster://a,b:c', 'redis-sentinels://a#main'], REDIS_RULE],
    ['REDIS_URL', ['redis-cluster://a,b/1'], 'must have no database but 0 with a cluster'],
    ['REDIS_URL', ['redis-sentinel://a,b', 'redis-sentinel://a,b/0#'], SENTINEL_RULE],
    ['REDIS_URL', ['redis://cache/abc', 'redis://cache/12345'], 'must have the number of a database as path, or none'],
    ['REDIS_URL', ['redis://cache?db=1'], 'must have no query'],
    ['REDIS_URL', ['redis://cache#1', 'redis-cluster://a,b#1'], 'must have no fragment, except with redis-sentinel:'],
    ['REDIS_URL', ['redis://user:100%@cache'], 'must have %25 for a percent sign in the user name or password'],
    ['RECONCILE_SETTLE_MS', ['0099', '900001', '1e5', '2min', '-5', '1500.5'], SETTLE_RULE],
    ['DLI_MARKER_TAG', ['nope', 'FALSE', 'false;'], FLAG_RULE],
    ['READ_FRESHNESS_MS', ['-15', '60001', '1s'], 'must be a whole number of milliseconds from 0 to 60000'],
    ['FOLLOW_INTERVAL_MS', ['1e3', '60001', '1 s'], 'must be a whole number of milliseconds from 100 to 60000'],
    ['READ_CALLS_PER_SECOND', ['1001', '0.5', 'many'], 'must be a whole number from 1 to 1000'],
    ['MAX_EVENT_LOOP_DELAY_MS', ['0049', '60001', '0.2s'], 'must be a whole number of milliseconds from 50 to 60000'],
    ['FOLLOW_CALLS_PER_SECOND', ['1001', '0.5', 'many'], 'must be a whole number from 1 to 1000'],
    ['EXPLORER', ['apollo', 'GraphiQL', 'true'], 'must be one of graphiql, sandbox, none'],
    ['FEDERATION', ['yes', 'TRUE', 'enabled'], FLAG_RULE],
    ['CORS_ORIGINS', ['*', 'null', 'https://a.test/', 'https://A.test', 'a.test', 'file://x'], ORIGINS_RULE],
    ['LOG_LEVEL', ['trace', 'INFO', 'silent'], 'must be one of debug, info, warn, error'],
    ['METRICS', ['yes', 'TRUE', 'enabled'], FLAG_RULE],
    ['BUILD_COMMIT', ['a b', 'a"b', 'x'.repeat(65)], 'must be 1 to 64 letters, digits, ., _ and -'],
  ])('of %s is reported by its key and rule, never by its value', (key, values, rule) => {
    for (const value of values) {
      expect(problemsWith({ [key]: value })).toEqual([{ key, rule }]);
      expect(printedRefusal({ ...MINIMAL_ENVIRONMENT, [key]: value })).not.toContain(value);
    }
  });

  it('is reported together with all others', () => {
    const canary = 'canary 5c1f';
    const keys = variablesRead();
    const env = Object.fromEntries(keys.map(key => [key, canary]));
    expect(refusalOf(env).problems.map(({ key }) => key)).toEqual([
      'NODE_ENV',
      'HOST',
      'PORT',
      'ADMIN_HOST',
      'ADMIN_PORT',
      'DLI_REGION',
      'DLI_ENDPOINT',
      'HUAWEICLOUD_SDK_IAM_ENDPOINT',
      'HUAWEICLOUD_SDK_AK',
      'HUAWEICLOUD_SDK_SK',
      'HUAWEICLOUD_SDK_SECURITY_TOKEN',
      'HUAWEICLOUD_SDK_PROJECT_ID',
      'OPERATION_TIMEOUT_MS',
      'SHUTDOWN_DELAY_MS',
      'KEEP_ALIVE_TIMEOUT_MS',
      'REDIS_URL',
      'RECONCILE_SETTLE_MS',
      'DLI_MARKER_TAG',
      'READ_FRESHNESS_MS',
      'FOLLOW_INTERVAL_MS',
      'READ_CALLS_PER_SECOND',
      'FOLLOW_CALLS_PER_SECOND',
      'MAX_EVENT_LOOP_DELAY_MS',
      'CALLER_AUTH',
      'OIDC_ISSUER',
      'OIDC_AUDIENCE',
      'OIDC_AUDIENCE_CLAIM',
      'OIDC_JWKS_URI',
      'OIDC_ALGORITHMS',
      'OIDC_TENANT_CLAIM',
      'OIDC_SCOPE_CLAIM',
      'OIDC_SCOPE_READ',
      'OIDC_SCOPE_CREATE',
      'OIDC_SCOPE_DELETE',
      'OIDC_MAX_TOKEN_AGE_SECONDS',
      'RATE_LIMIT_CREATES_PER_SECOND',
      'RATE_LIMIT_CREATES_BURST',
      'RATE_LIMIT_FAILED_LOGINS_PER_MINUTE',
      'ALLOWED_HOSTS',
      'TRUST_PROXY',
      'EXPLORER',
      'FEDERATION',
      'HTTPS_PROXY',
      'CORS_ORIGINS',
      'LOG_LEVEL',
      'METRICS',
      'BUILD_COMMIT',
      'HUAWEICLOUD_SDK_AK',
      'TRUSTED_DOCUMENTS',
      'CA_FILE',
      'REDIS_CA_FILE',
    ]);
    expect(printedRefusal(env)).not.toContain(canary);
  });

  it('is reported even when other variables are missing', () => {
    expect(refusalOf({ PORT: 'x' }).message.split('\n')).toEqual([
      `PORT ${PORT_RULE}`,
      'DLI_REGION is required, for example cn-north-4',
      'CALLER_AUTH must be set explicitly: jwt or none',
      'HUAWEICLOUD_SDK_AK is required, or IAM_USERNAME with IAM_PASSWORD and IAM_DOMAIN_NAME',
      'HUAWEICLOUD_SDK_SK is required, or IAM_USERNAME with IAM_PASSWORD and IAM_DOMAIN_NAME',
    ]);
  });
});

describe('rules that span several variables', () => {
  it('are checked even when other variables are invalid', () => {
    expect(problemsWith({ PORT: 'x', CALLER_AUTH: 'jwt', RATE_LIMIT_CREATES_BURST: '7' })).toEqual([
      { key: 'PORT', rule: PORT_RULE },
      { key: 'OIDC_ISSUER', rule: 'is required with CALLER_AUTH=jwt' },
      { key: 'OIDC_AUDIENCE', rule: 'is required with CALLER_AUTH=jwt' },
      { key: 'RATE_LIMIT_CREATES_BURST', rule: expect.stringContaining('RATE_LIMIT_CREATES_PER_SECOND') },
    ]);
  });

  it('are not checked on variables that are invalid themselves', () => {
    const changes = {
      PORT: 'x',
      ADMIN_PORT: '4000',
      CALLER_AUTH: 'jwt',
      OIDC_ISSUER: 'nowhere',
      OIDC_AUDIENCE: 'dli',
      RATE_LIMIT_CREATES_PER_SECOND: 'many',
      RATE_LIMIT_CREATES_BURST: '1000',
    };
    expect(problemsWith(changes).map(({ key }) => key)).toEqual([
      'PORT',
      'OIDC_ISSUER',
      'RATE_LIMIT_CREATES_PER_SECOND',
    ]);
  });
});

describe('the address of Redis', () => {
  const redisOf = (env: Record<string, string>) => loadConfig({ ...MINIMAL_ENVIRONMENT, ...env }).redis;

  it('is that of a server, of nodes of a cluster, or of Sentinels', () => {
    const single = { username: undefined, password: undefined, db: 0, masterName: undefined, isEncrypted: false };
    expect(redisOf({ REDIS_URL: 'redis://cache' })?.address).toEqual({
      ...single,
      mode: 'server',
      hosts: [{ host: 'cache', port: 6_379 }],
    });
    expect(redisOf({ REDIS_URL: 'rediss-cluster://me:p%40ss@a:7000,[::1],c' })?.address).toEqual({
      ...single,
      mode: 'cluster',
      hosts: [
        { host: 'a', port: 7_000 },
        { host: '::1', port: 6_379 },
        { host: 'c', port: 6_379 },
      ],
      username: 'me',
      password: 'p@ss',
      isEncrypted: true,
    });
    expect(
      redisOf({ REDIS_URL: 'redis-sentinel://:secret@a,b:7000/3#main', REDIS_SENTINEL_PASSWORD: 'other' }),
    ).toEqual({
      address: {
        ...single,
        mode: 'sentinel',
        hosts: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 7_000 },
        ],
        password: 'secret',
        db: 3,
        masterName: 'main',
      },
      certificates: undefined,
      sentinelPassword: 'other',
      urlFile: undefined,
    });
  });

  it('needs TLS with REDIS_CA_FILE, and Sentinels with REDIS_SENTINEL_PASSWORD', () => {
    expect(problemsWith({ REDIS_URL: 'redis://cache', REDIS_CA_FILE: TEST_CERTIFICATE_PATH })).toEqual([
      { key: 'REDIS_CA_FILE', rule: 'needs a REDIS_URL with TLS, such as rediss://host:6380' },
    ]);
    expect(problemsWith({ REDIS_URL: 'rediss://cache', REDIS_CA_FILE: '/etc/hostname' })).toEqual([
      { key: 'REDIS_CA_FILE', rule: 'must name a readable file with certificates in PEM' },
    ]);
    expect(problemsWith({ REDIS_URL: 'redis://cache', REDIS_SENTINEL_PASSWORD: 'secret' })).toEqual([
      { key: 'REDIS_SENTINEL_PASSWORD', rule: 'needs a REDIS_URL with redis-sentinel: or rediss-sentinel:' },
    ]);
  });
});

describe('.env.example', () => {
  it('lists every variable that the gateway reads, and no other', () => {
    const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
    const listed = [...text.matchAll(/^([A-Z0-9_]+)=/gm)].map(([, key]) => key);
    const read = variablesRead();
    expect(listed.toSorted()).toEqual(read.toSorted());
  });
});

/** Every variable that the gateway reads, except `_FILE` variants and lower-case names. */
function variablesRead(): string[] {
  const keys = keysRead();
  const isFile = (key: string) => key.endsWith('_FILE') && keys.has(key.replace(/_FILE$/, ''));
  return [...keys].filter(key => !isFile(key) && key === key.toUpperCase());
}

/** Every variable that the gateway reads, including `_FILE` variants. */
function keysRead(): Set<string> {
  const keys = new Set<string>();
  const env: Environment = new Proxy<Record<string, string>>(
    {},
    {
      get: (_target, key) => {
        keys.add(String(key));
      },
    },
  );
  refusalOf(env);
  return keys;
}
