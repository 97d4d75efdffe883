import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/config.js';
import type { Environment } from '../../src/config/secret-files.js';
import { MINIMAL_ENVIRONMENT, problemsWith } from '../helpers/config-problems.js';

const TOKENS = {
  CALLER_AUTH: 'jwt',
  OIDC_ISSUER: 'https://issuer.example/realms/data/',
  OIDC_AUDIENCE: 'https://gateway.example',
};
const ENCRYPTED_RULE = 'must use https; http is accepted for loopback addresses only';
const ISSUER_RULE = 'must be the address that tokens have as iss, with its scheme and without query or user';
const KEYS_RULE = 'must be an address with its scheme and without user or fragment';
const ALGORITHMS_RULE =
  'must be some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519, separated by commas';
const VISIBLE_RULE = 'must be printable ASCII without spaces';
const NAMES_RULE = 'must be printable ASCII without spaces; several names are separated by commas';
const SCOPE_RULE = 'must be one scope, without spaces and quotes';
const AGE_RULE = 'must be a whole number of seconds from 60 to 31536000';
const BURST_RULE = 'must be 1 to 60 times RATE_LIMIT_CREATES_PER_SECOND (default 10)';

function callersWith(changes: Environment) {
  return loadConfig({ ...MINIMAL_ENVIRONMENT, ...changes }).auth;
}

describe('CALLER_AUTH', () => {
  it.each([
    [undefined, 'must be set explicitly: jwt or none'],
    ['', 'must be set explicitly: jwt or none'],
    ['None', 'must be jwt or none'],
    ['oauth', 'must be jwt or none'],
  ])('is required and must be jwt or none: %s', (value, rule) => {
    expect(problemsWith({ CALLER_AUTH: value })).toEqual([{ key: 'CALLER_AUTH', rule }]);
  });

  it('jwt requires an issuer and an audience', () => {
    const rule = 'is required with CALLER_AUTH=jwt';
    expect(problemsWith({ CALLER_AUTH: 'jwt' })).toEqual([
      { key: 'OIDC_ISSUER', rule },
      { key: 'OIDC_AUDIENCE', rule },
    ]);
  });

  it('jwt has defaults for everything else, and keeps the issuer verbatim', () => {
    expect(callersWith(TOKENS)).toEqual({
      tokens: {
        issuer: 'https://issuer.example/realms/data/',
        audiences: ['https://gateway.example'],
        audienceClaim: 'aud',
        jwksUrl: undefined,
        algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
        tenantClaim: 'sub',
        scopeClaims: ['scope', 'scp'],
        scopes: {
          read: 'dli:connection:read',
          create: 'dli:connection:create',
          delete: 'dli:connection:delete',
        },
        maxAgeSeconds: 86_400,
      },
      mutationLimit: { mutations: 20, windowSeconds: 2 },
      failedLoginsPerMinute: 300,
    });
  });

  it.each(['OIDC_SCOPE_CREATE', 'OIDC_SCOPE_DELETE'])('requires a read scope other than %s', key => {
    const rule = 'must be another scope than OIDC_SCOPE_READ';
    expect(problemsWith({ ...TOKENS, OIDC_SCOPE_READ: 'dli', [key]: 'dli' })).toEqual([{ key, rule }]);
  });

  it('accepts several audiences and claims of scopes', () => {
    const several = { OIDC_AUDIENCE: 'web-app, service,', OIDC_SCOPE_CLAIM: 'scp, realm_access.roles' };
    expect(callersWith({ ...TOKENS, ...several }).tokens).toMatchObject({
      audiences: ['web-app', 'service'],
      scopeClaims: ['scp', 'realm_access.roles'],
    });
  });

  it('accepts the same scope for create and delete', () => {
    const same = { OIDC_SCOPE_CREATE: 'dli:write', OIDC_SCOPE_DELETE: 'dli:write' };
    expect(callersWith({ ...TOKENS, ...same }).tokens?.scopes).toMatchObject({ delete: 'dli:write' });
  });
});

describe('the create limit', () => {
  it.each<[string, Environment, unknown]>([
    ['is off by default for anonymous callers', {}, undefined],
    ['is set by its rate', { RATE_LIMIT_CREATES_PER_SECOND: '5' }, { mutations: 10, windowSeconds: 2 }],
    ['is set by its burst', { RATE_LIMIT_CREATES_BURST: '50' }, { mutations: 50, windowSeconds: 5 }],
    ['is switched off by a rate of 0', { ...TOKENS, RATE_LIMIT_CREATES_PER_SECOND: '0' }, undefined],
  ])('%s', (_how, changes, limit) => {
    expect(callersWith(changes).mutationLimit).toEqual(limit);
  });

  it.each([
    { RATE_LIMIT_CREATES_BURST: '15' },
    { RATE_LIMIT_CREATES_BURST: '610' },
    { RATE_LIMIT_CREATES_PER_SECOND: '20', RATE_LIMIT_CREATES_BURST: '10' },
  ])('must have windows of whole seconds: %j', changes => {
    expect(problemsWith(changes)).toEqual([{ key: 'RATE_LIMIT_CREATES_BURST', rule: BURST_RULE }]);
  });
});

describe('an invalid value', () => {
  it.each([
    ['OIDC_ISSUER', ['issuer', 'https://u:p@a.test', 'https://a.test?x', 'file:///a'], ISSUER_RULE],
    ['OIDC_ISSUER', ['http://issuer.example', 'http://127.0.0.1.example'], ENCRYPTED_RULE],
    ['OIDC_AUDIENCE', ['two words', 'ä', 'a,b c', ' , '], NAMES_RULE],
    ['OIDC_AUDIENCE_CLAIM', ['client id', 'ä'], VISIBLE_RULE],
    ['OIDC_JWKS_URI', ['keys', 'https://u:p@a.test/keys', 'https://a.test/keys#x'], KEYS_RULE],
    ['OIDC_JWKS_URI', ['http://issuer.example/keys'], ENCRYPTED_RULE],
    ['OIDC_ALGORITHMS', ['HS256', 'none', 'RS256,HS256', 'rs256', ','], ALGORITHMS_RULE],
    ['OIDC_TENANT_CLAIM', ['my tenant'], VISIBLE_RULE],
    ['OIDC_SCOPE_CLAIM', ['scope scp', 'ä', ','], NAMES_RULE],
    ['OIDC_SCOPE_READ', ['a b', 'a"b'], SCOPE_RULE],
    ['OIDC_SCOPE_CREATE', ['a b', 'a\\b'], SCOPE_RULE],
    ['OIDC_SCOPE_DELETE', ['a b'], SCOPE_RULE],
    ['OIDC_MAX_TOKEN_AGE_SECONDS', ['59', '31536001', '1h'], AGE_RULE],
    ['RATE_LIMIT_CREATES_PER_SECOND', ['-1', '10001', '1.5'], 'must be a whole number from 0 to 10000'],
    ['RATE_LIMIT_CREATES_BURST', ['0', '100001', 'x'], 'must be a whole number from 1 to 100000'],
    ['RATE_LIMIT_FAILED_LOGINS_PER_MINUTE', ['0', '100001'], 'must be a whole number from 1 to 100000'],
    [
      'ALLOWED_HOSTS',
      [
        '*',
        'a b',
        'gateway.example:4000',
        'http://gateway.example',
        '*.example.com',
        '[::1',
        'fe80::1%eth0',
        '[fe80::1%eth0]',
        '[10.0.0.1]',
        '1.2.3.4.5',
        'a,[::1]:80',
      ],
      'must be host names or IP addresses without ports, such as gateway.example.com, separated by commas',
    ],
    [
      'TRUST_PROXY',
      [
        ...['true', '1', 'proxy.example', '10.0.0.0/33', '10.0.0.1/8/8', '::1/129', '10.0.0.1/'],
        ...['0.0.0.0/0', '::/0', '::ffff:0:0/96', '::ffff:10.0.0.1/96', '10.0.0.0/00', '10.0.0.1,0.0.0.0/0'],
      ],
      'must be IP addresses or ranges such as 10.0.0.0/8, but not of all addresses, separated by commas',
    ],
  ])('of %s is reported by its key and rule: %j', (key, values, rule) => {
    for (const value of values) expect(problemsWith({ ...TOKENS, [key]: value })).toEqual([{ key, rule }]);
  });
});
