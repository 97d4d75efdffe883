import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The manifest, the lock file and the installed packages. */
export interface Supply {
  manifest: {
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
    overrides?: Record<string, string>;
  };
  lock: { packages: Record<string, LockedPackage> };
  npmrc: string;
  /** By the path of its folder, such as `node_modules/graphql`; undefined if it is not installed. */
  installed(path: string): InstalledPackage | undefined;
}

interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  hasInstallScript?: boolean;
  optional?: boolean;
}

interface InstalledPackage {
  version: string;
  scripts?: Record<string, string>;
}

/** The first version without a known vulnerability, by package. Listed packages need not be installed. */
const FLOORS: Readonly<Record<string, readonly [version: string, why: string]>> = {
  '@apollo/server': ['5.5.0', 'GHSA-9q82-xgwf-vj6h, GHSA-mp6q-xf9x-fwf7'],
  graphql: ['16.8.1', 'CVE-2023-26144'],
  'class-validator': ['0.14.3', 'CVE-2019-18413'],
  validator: ['13.15.22', 'CVE-2025-56200, CVE-2025-12758'],
  fastify: ['5.8.1', 'CVE-2026-25223, CVE-2026-3419'],
  'find-my-way': ['9.0.1', 'CVE-2024-45813'],
  undici: ['7.24.0', 'CVE-2025-47279, CVE-2026-2229'],
  ws: ['8.17.1', 'CVE-2024-37890'],
  'body-parser': ['2.2.1', 'CVE-2025-13466'],
  jose: ['6.0.0', 'the options that the gateway relies on'],
};

/** Packages whose install scripts were reviewed. None of them runs: `.npmrc` forbids it. */
const INSTALL_SCRIPTS: Readonly<Record<string, string>> = {
  '@apollo/protobufjs': 'checks the version range in the dependents',
  '@parcel/watcher': 'builds the binary that comes prebuilt',
  '@swc/core': 'looks for the prebuilt binary',
  esbuild: 'looks for the prebuilt binary',
  protobufjs: 'checks the version range in the dependents',
  lmdb: 'builds the binary that comes prebuilt',
  'msgpackr-extract': 'builds the binary that comes prebuilt',
  'unrs-resolver': 'looks for the prebuilt binary',
};

const EXACT = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;
const LIFE_CYCLE = ['preinstall', 'install', 'postinstall'];

/** Reads the packages of this repository, or of a package in one of its folders, offline. */
export function readSupply(folder = ''): Supply {
  const root = fileURLToPath(new URL(`../../${folder}`, import.meta.url));
  const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');
  return {
    manifest: JSON.parse(read('package.json')),
    lock: JSON.parse(read('package-lock.json')),
    npmrc: read('.npmrc'),
    installed(path) {
      try {
        return JSON.parse(read(`${path}/package.json`));
      } catch {
        return undefined;
      }
    },
  };
}

/** The problems of a set of packages, one sentence each. */
export function findSupplyProblems(supply: Supply): string[] {
  const { manifest, lock, npmrc } = supply;
  const wanted = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.overrides };
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
  return [
    ...(/^ignore-scripts=true$/m.test(npmrc) ? [] : ['.npmrc lets install scripts run']),
    ...Object.entries(wanted)
      .filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => `${name} is wanted as ${version}, which is no exact version`),
    ...packages.flatMap(([path, locked]) => problemsOf(path, locked, supply.installed(path))),
  ];
}

function problemsOf(path: string, locked: LockedPackage, installed: InstalledPackage | undefined): string[] {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const problems: string[] = [];
  const [floor, why] = FLOORS[name] ?? ['0.0.0', ''];
  for (const version of new Set([locked.version ?? '', installed?.version ?? locked.version ?? '']))
    if (isBelow(version, floor)) problems.push(`${path} ${version} is below ${floor}: ${why}`);
  const scripts = LIFE_CYCLE.filter(script => installed?.scripts?.[script] !== undefined);
  if ((locked.hasInstallScript === true || scripts.length > 0) && INSTALL_SCRIPTS[name] === undefined)
    problems.push(`${path} has an install script that nobody has looked at`);
  if (locked.resolved !== undefined) problems.push(`${path} comes from a host that the lock file names`);
  if (locked.integrity === undefined) problems.push(`${path} has no checksum in the lock file`);
  if (installed === undefined && locked.optional !== true) problems.push(`${path} is not installed`);
  if (installed !== undefined && installed.version !== locked.version)
    problems.push(`${path} is installed as ${installed.version} instead of ${locked.version}`);
  return problems;
}

/** A pre-release counts as lower than its release. */
function isBelow(version: string, floor: string): boolean {
  const [numbers = '', preRelease] = version.split(/-(.*)/s, 2);
  const parts = numbers.split('.').map(Number);
  const floorParts = floor.split('.').map(Number);
  for (const [index, floorPart] of floorParts.entries()) {
    const part = parts[index] ?? Number.NaN;
    if (part !== floorPart) return !(part > floorPart);
  }
  return preRelease !== undefined;
}
