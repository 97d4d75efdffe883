import { isLoopback } from '../lib/ip-address.js';
import type { Config } from './config.js';
import { envSchema, SECRET_KEYS } from './env-schema.js';
import type { Environment } from './secret-files.js';

/** A warning about a valid configuration. `record` holds the fields of its log line. */
interface Warning {
  record: MisspeltVariable | { host: string } | { keys: readonly string[] };
  message: string;
}

/** A variable that the gateway does not read, and the one that was probably meant. */
interface MisspeltVariable {
  variable: string;
  suggestion: string;
}

// NODE_TLS_REJECT_UNAUTHORIZED is never a good suggestion.
const NAMES: readonly string[] = [
  ...Object.keys(envSchema.shape).filter(name => name !== 'NODE_TLS_REJECT_UNAUTHORIZED'),
  ...SECRET_KEYS.map(name => `${name}_FILE`),
];

/** Prefixes that hardly any other software uses. */
const OWN_PREFIX = /^(?:DLI|OIDC|IAM|HUAWEICLOUD|RATE_LIMIT)_/;

// Similar names of other software: proxies, regions of other clouds, and what Kubernetes sets for services.
const OTHER_SOFTWARE =
  /^(?:HTTPS?|ALL|NO|FTP)_PROXY$|^(?:OCI|ALI|CLI)_REGION$|_SERVICE_(?:HOST|PORT)(?:_|$)|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_|$)/;

const MAX_MISSPELT = 20;

/** The variables that name a proxy for other programs. */
const OTHER_PROXY_KEYS = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'];

/** The warnings about a configuration and the environment that it was loaded from. */
export function findWarnings({ callerAuth, host, proxy }: Config, env: Environment): Warning[] {
  const warnings: Warning[] = findMisspeltVariables(env).map(record => ({
    record,
    message: describeMisspelling(record),
  }));
  if (callerAuth === 'none' && !isLoopback(host)) {
    const message =
      'CALLER_AUTH=none: everyone who can reach this address can create and delete connections with your credentials';
    warnings.push({ record: { host }, message });
  }
  const keys = OTHER_PROXY_KEYS.filter(key => env[key]);
  if (proxy === undefined && keys.length > 0)
    warnings.push({
      record: { keys },
      message: `no proxy is used: only HTTPS_PROXY names one, not ${keys.join(', ')}`,
    });
  return warnings;
}

/**
 * The variables of an environment that almost have the names of gateway variables; at most 20, without their values.
 * Longer names may differ more, because short ones resemble those of other software.
 */
export function findMisspeltVariables(env: Environment): MisspeltVariable[] {
  const unknown = Object.keys(env).filter(name => env[name] && !NAMES.includes(name) && isPrintable(name));
  const found = unknown.flatMap(name => {
    const spelling = name.toUpperCase().replaceAll('-', '_');
    if (OTHER_SOFTWARE.test(spelling)) return [];
    // OIDC_ISSUER_URL beside OIDC_ISSUER belongs to another program that shares the environment.
    const suggestion = findMisspelt(spelling) ?? NAMES.find(each => isExtended(spelling, each) && !env[each]);
    return suggestion === undefined ? [] : [{ variable: name, suggestion }];
  });
  return found.slice(0, MAX_MISSPELT);
}

/** The warning about a misspelt variable. */
export function describeMisspelling({ variable, suggestion }: MisspeltVariable): string {
  return `${variable} is not a variable of the gateway; did you mean ${suggestion}?`;
}

// The names of variables may contain anything.
function isPrintable(name: string): boolean {
  return /^[\w-]{1,100}$/.test(name);
}

/** The most similar variable of the gateway, if the name differs from it by a few letters or underscores only. */
function findMisspelt(name: string): string | undefined {
  const candidates = NAMES.map(candidate => ({ candidate, distance: distanceOf(name, candidate) }));
  const similar = candidates.filter(({ candidate, distance }) => distance <= maxDistance(candidate));
  return similar.toSorted((one, other) => one.distance - other.distance)[0]?.candidate;
}

/** The number of different letters; infinite when it is too large. */
function distanceOf(name: string, candidate: string): number {
  if (name.replaceAll('_', '') === candidate.replaceAll('_', '')) return 1;
  const max = maxDistance(candidate);
  const isClose = Math.abs(name.length - candidate.length) <= max;
  return isClose ? editDistance(name, candidate, max) : Number.POSITIVE_INFINITY;
}

/** The largest distance at which a name counts as a misspelling; negative if it never does. */
function maxDistance({ length }: string): number {
  if (length < 7) return -1;
  return length < 14 ? 1 : 2;
}

/** Whether a name has extra parts at the end (OIDC_ISSUER_URL) or lacks some at the beginning (CLOUD_SDK_AK). */
function isExtended(name: string, candidate: string): boolean {
  const isSpecific = name.split('_').length > 2 || OWN_PREFIX.test(name);
  return OWN_PREFIX.test(candidate) && (name.startsWith(`${candidate}_`) || (isSpecific && candidate.endsWith(name)));
}

/**
 * The number of letters to insert, delete, replace or swap with their neighbour (optimal string alignment); infinite
 * when it is larger than `max`.
 */
function editDistance(one: string, other: string, max: number): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= one.length; row += 1) {
    const distances = [row];
    rows.push(distances);
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      distances.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    // Distances only grow from row to row. Most pairs end here, after their first letters.
    if (Math.min(...distances) > max) return Number.POSITIVE_INFINITY;
  }
  return at(one.length, other.length);
}
