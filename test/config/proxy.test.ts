import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/config.js';
import { findWarnings } from '../../src/config/warnings.js';
import { MINIMAL_ENVIRONMENT, printedRefusal, problemsWith } from '../helpers/config-problems.js';
import { createSecretFolder } from '../helpers/secret-folder.js';

const UPPER = 'http://upper.example:3128';
const LOWER = 'http://lower.example:3128';

const proxyOf = (env: Record<string, string>) => loadConfig({ ...MINIMAL_ENVIRONMENT, ...env }).proxy;
const warningsFor = (changes: Record<string, string>) => {
  const env = { ...MINIMAL_ENVIRONMENT, ...changes };
  return findWarnings(loadConfig(env), env);
};

describe('HTTPS_PROXY', () => {
  it.each([
    [{ HTTPS_PROXY: UPPER }, UPPER],
    [{ https_proxy: LOWER }, LOWER],
    [{ HTTPS_PROXY: UPPER, https_proxy: LOWER }, UPPER],
    [{ HTTPS_PROXY: '', https_proxy: LOWER }, LOWER],
    [{ HTTPS_PROXY: 'https://us%20er:p%40ss@proxy.example' }, 'https://us%20er:p%40ss@proxy.example'],
  ])('of %j names the proxy', (env, url) => {
    expect(proxyOf(env)?.url).toEqual(new URL(url));
  });

  it('may come from a file, which wins over the lower-case variable', () => {
    const { env } = createSecretFolder({ HTTPS_PROXY: UPPER });
    expect(proxyOf({ ...env, https_proxy: LOWER })?.url).toEqual(new URL(UPPER));
    expect(problemsWith({ ...env, HTTPS_PROXY: UPPER })).toEqual([
      { key: 'HTTPS_PROXY', rule: 'and HTTPS_PROXY_FILE exclude each other' },
    ]);
  });

  it.each([
    'proxy.example:3128',
    'socks5://proxy.example:1080',
    'http://proxy.example/path',
    'http://proxy.example/?a=b',
    'http://user:100%@proxy.example',
    'http://user:%ZZ@proxy.example',
    'http://user:%E4@proxy.example',
  ])('of %s is refused without its value', value => {
    const rule = 'must be the address of a proxy, such as http://proxy.example.com:3128';
    expect(problemsWith({ HTTPS_PROXY: value })).toEqual([{ key: 'HTTPS_PROXY', rule }]);
    expect(printedRefusal({ ...MINIMAL_ENVIRONMENT, HTTPS_PROXY: value })).not.toContain(value);
  });
});

describe('NO_PROXY', () => {
  it.each([
    [{ NO_PROXY: 'a.example, .b.example  10.0.0.0/8,,' }, ['a.example', '.b.example', '10.0.0.0/8']],
    [{ no_proxy: '*' }, ['*']],
    [{ NO_PROXY: 'upper.example', no_proxy: 'lower.example' }, ['upper.example']],
    [{}, []],
  ])('of %j is read as a list', (env, noProxy) => {
    expect(proxyOf({ HTTPS_PROXY: UPPER, ...env })?.noProxy).toEqual(noProxy);
  });
});

describe('proxies for other programs', () => {
  it('are not used, which causes a warning unless HTTPS_PROXY is set', () => {
    const others = { HTTP_PROXY: UPPER, all_proxy: LOWER, ALL_PROXY: '' };
    expect(warningsFor(others)).toEqual([
      {
        record: { keys: ['HTTP_PROXY', 'all_proxy'] },
        message: 'no proxy is used: only HTTPS_PROXY names one, not HTTP_PROXY, all_proxy',
      },
    ]);
    expect(warningsFor({ ...others, HTTPS_PROXY: UPPER })).toEqual([]);
    expect(warningsFor({ ...others, https_proxy: LOWER })).toEqual([]);
    expect(proxyOf(others)).toBeUndefined();
  });
});
