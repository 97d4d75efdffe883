import { describe, expect, it } from '@jest/globals';
import type { Supply } from '../helpers/supply-chain.js';
import { findSupplyProblems, readSupply } from '../helpers/supply-chain.js';

const SUM = 'sha512-x';

/** A valid set of one package, with changes. */
function supplyWith(changes: {
  name?: string;
  wanted?: string;
  locked?: object;
  installed?: ReturnType<Supply['installed']>;
  npmrc?: string;
}): Supply {
  const { name = 'graphql', wanted = '16.15.0', npmrc = 'ignore-scripts=true\n' } = changes;
  const locked = { version: wanted, integrity: SUM, ...changes.locked };
  const installed = 'installed' in changes ? changes.installed : { version: locked.version };
  return {
    manifest: { dependencies: { [name]: wanted } },
    lock: { packages: { '': {}, [`node_modules/${name}`]: locked } },
    npmrc,
    installed: () => installed,
  };
}

describe('the installed packages', () => {
  it('are pinned, have checksums, no known vulnerabilities and no unknown install scripts', () => {
    expect(findSupplyProblems(readSupply())).toEqual([]);
  });

  it.each(['client/', 'test/supergraph/'])(
    'of %s, which npm test does not install, are pinned and have checksums, too',
    folder => {
      const supply = readSupply(folder);
      const installed = (path: string) => ({ version: supply.lock.packages[path]?.version ?? '' });
      expect(findSupplyProblems({ ...supply, installed })).toEqual([]);
      expect(Object.keys(supply.lock.packages).length).toBeGreaterThan(100);
    },
  );

  it('are all found: hundreds, each with a version', () => {
    const { lock, installed } = readSupply();
    expect(Object.keys(lock.packages).length).toBeGreaterThan(300);
    expect(installed('node_modules/graphql')?.version).toMatch(/^16\./);
  });
});

describe('a made-up set of packages', () => {
  it('passes without a problem', () => {
    expect(findSupplyProblems(supplyWith({}))).toEqual([]);
  });

  it.each([
    '^16.15.0',
    '~16.15.0',
    '16',
    '16.x',
    '*',
    'latest',
    'next',
    '>=16.15.0',
    'git+https://git.example/x',
    'file:../x',
    'npm:other@1.0.0',
  ])('is refused for an inexact version: %s', wanted => {
    expect(findSupplyProblems(supplyWith({ wanted, locked: { version: '16.15.0' } }))).toEqual([
      `graphql is wanted as ${wanted}, which is no exact version`,
    ]);
  });

  it.each([
    ['a range', '^2.0.0-rc.4', ['type-graphql is wanted as ^2.0.0-rc.4, which is no exact version']],
    ['pinned', '2.0.0-rc.4', []],
  ])('must pin pre-releases too: %s', (_what, wanted, problems) => {
    const supply = supplyWith({ name: 'type-graphql', wanted, locked: { version: '2.0.0-rc.4' } });
    expect(findSupplyProblems(supply)).toEqual(problems);
  });

  it.each([
    ['@apollo/server', '5.4.9', '5.5.0'],
    ['@apollo/server', '5.5.0-alpha.1', '5.5.0'],
    ['@apollo/server', '4.99.0', '5.5.0'],
    ['graphql', '16.8.0', '16.8.1'],
    ['class-validator', '0.14.2', '0.14.3'],
    ['class-validator', '0.9.9', '0.14.3'],
    ['fastify', '5.8.0', '5.8.1'],
    ['undici', '7.23.0', '7.24.0'],
    ['validator', '13.15.20', '13.15.22'],
    ['ws', '8.17.0', '8.17.1'],
  ])('is refused for %s %s', (name, version, floor) => {
    expect(findSupplyProblems(supplyWith({ name, wanted: version }))).toEqual([
      expect.stringMatching(`^node_modules/${name} ${version} is below ${floor}: `),
    ]);
    expect(findSupplyProblems(supplyWith({ name, wanted: floor }))).toEqual([]);
  });

  it.each<[what: string, changes: Parameters<typeof supplyWith>[0], problem: string]>([
    ['an old package inside another', { name: 'a/node_modules/undici', wanted: '5.28.0' }, 'is below 7.24.0'],
    ['an older installed version than the locked one', { installed: { version: '16.8.0' } }, 'is below 16.8.1'],
    ['another version than the locked one', { installed: { version: '16.15.1' } }, 'is installed as 16.15.1'],
    ['a missing package', { installed: undefined }, 'is not installed'],
    ['an install script in the lock file', { locked: { hasInstallScript: true } }, 'has an install script'],
    [
      'an install script that is not in the lock file',
      { installed: { version: '16.15.0', scripts: { postinstall: 'node evil.js' } } },
      'has an install script',
    ],
    ['a host in the lock file', { locked: { resolved: 'https://registry.example/x.tgz' } }, 'comes from a host'],
    ['no checksum', { locked: { integrity: undefined } }, 'has no checksum'],
    ['install scripts that may run', { npmrc: 'audit=false\n' }, 'lets install scripts run'],
    [
      'install scripts that are allowed by a comment in .npmrc',
      { npmrc: '#ignore-scripts=true\n' },
      'lets install scripts run',
    ],
  ])('is refused for %s', (_what, changes, problem) => {
    expect(findSupplyProblems(supplyWith(changes)).join('\n')).toContain(problem);
  });

  it('may lack optional packages, and have known install scripts', () => {
    expect(findSupplyProblems(supplyWith({ installed: undefined, locked: { optional: true } }))).toEqual([]);
    const lmdb = supplyWith({ name: 'lmdb', wanted: '3.5.6', locked: { hasInstallScript: true } });
    expect(findSupplyProblems(lmdb)).toEqual([]);
  });
});
