import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/config.js';
import { isLoopback } from '../../src/lib/ip-address.js';
import { MINIMAL_ENVIRONMENT, printedRefusal, problemsWith } from '../helpers/config-problems.js';

const BARE = 'must be an address with its scheme and without path, query or user';
const ENCRYPTED = 'must use https; http is accepted for loopback addresses only';

describe('the endpoints', () => {
  it.each([
    ['cn-north-4', 'https://dli.cn-north-4.myhuaweicloud.com/', 'https://iam.myhuaweicloud.com/'],
    ['ap-southeast-3', 'https://dli.ap-southeast-3.myhuaweicloud.com/', 'https://iam.myhuaweicloud.com/'],
    ['eu-west-101', 'https://dli.eu-west-101.myhuaweicloud.eu/', 'https://iam.myhuaweicloud.eu/'],
  ])('follow from the region %s', (region, dli, iam) => {
    const config = loadConfig({ ...MINIMAL_ENVIRONMENT, DLI_REGION: region });
    expect([config.dliEndpoint.href, config.iamEndpoint.href]).toEqual([dli, iam]);
  });
});

describe.each([
  ['DLI_ENDPOINT', 'dliEndpoint'],
  ['HUAWEICLOUD_SDK_IAM_ENDPOINT', 'iamEndpoint'],
] as const)('%s', (key, name) => {
  it.each([
    ['https://dli.example', 'https://dli.example/'],
    ['https://dli.example:8443/', 'https://dli.example:8443/'],
    ['https://10.0.0.1', 'https://10.0.0.1/'],
    ['http://127.0.0.1:4010', 'http://127.0.0.1:4010/'],
    ['http://127.9.9.9', 'http://127.9.9.9/'],
    ['http://[::1]:4010', 'http://[::1]:4010/'],
    ['http://localhost:4010', 'http://localhost:4010/'],
  ])('may be %s', (value, href) => {
    expect(loadConfig({ ...MINIMAL_ENVIRONMENT, [key]: value })[name].href).toBe(href);
  });

  it.each([
    'http://dli.example',
    'http://10.0.0.1',
    'http://128.0.0.1',
    'http://0.0.0.0',
    'http://[::]',
    'http://[::2]',
    'http://[::ffff:10.0.0.1]',
    'http://127.0.0.1.evil.example',
    'http://localhost.evil.example',
    'http://evil-localhost',
    'http://127.evil.example',
    'HTTP://dli.example',
  ])('may not be %s, which is not encrypted', value => {
    expect(problemsWith({ [key]: value })).toEqual([{ key, rule: ENCRYPTED }]);
    expect(printedRefusal({ ...MINIMAL_ENVIRONMENT, [key]: value })).not.toContain(value);
  });

  it.each([
    'https://dli.example/v2.0',
    'https://dli.example/?x=1',
    'https://dli.example/#x',
    'https://canary-user@dli.example',
    'https://canary-user:canary-password@dli.example',
    'https://:canary-password@dli.example',
    'http://127.0.0.1/v2.0',
    'ftp://dli.example',
    'file:///etc/passwd',
    'dli.example',
    'dli.example:443',
    '//dli.example',
    'https://',
    'https://dli .example',
  ])('may not be %s, which is not a bare base URL', value => {
    expect(problemsWith({ [key]: value })).toEqual([{ key, rule: BARE }]);
    expect(printedRefusal({ ...MINIMAL_ENVIRONMENT, [key]: value })).not.toContain(value);
  });

  it('is reported once when it violates two rules', () => {
    expect(problemsWith({ [key]: 'http://127.0.0.1@evil.example' })).toEqual([{ key, rule: BARE }]);
  });
});

describe('a loopback address', () => {
  it.each(['127.0.0.1', '127.255.255.254', '::1', '[::1]', 'localhost'])('is %s', host => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['0.0.0.0', '::', '', '127.1', '127.0.0.1.evil.example', 'localhost.', '128.0.0.1', '::ffff:127.0.0.1'])(
    'is not "%s"',
    host => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
