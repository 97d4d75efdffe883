import { createHash } from 'node:crypto';
import type { BodyFilter } from '../huawei-cloud/response-collector.js';
import { isObject, parseJson } from '../lib/json.js';
import { JsonArrayFilter } from '../lib/json-array-filter.js';
import type { HostMapping, HostsSummary } from './connection.js';

// 20,000 hosts, the most that a connection may have, are 3.3 MB.
const MAX_ARRAY_BYTES = 8 * 1024 * 1024;
// A page of 100 connections with the maximum number of hosts has 330 MB.
const MAX_BYTES = 512 * 1024 * 1024;

/**
 * Replaces the hosts in a JSON text by their summary while it arrives: each member `"hosts":[…]` becomes
 * `"hosts":{"count":n,"version":"…"}`, see {@link summarizeHosts}. A list holds the hosts of all connections, which may
 * not fit into memory, so only one array is held at a time. An array of more than 8 MB fails the call.
 *
 * Everything else passes unchanged, including an array that is not valid JSON or has no end, and a key written with
 * escapes, which DLI does not use.
 */
export class HostsFilter extends JsonArrayFilter implements BodyFilter {
  /** @param maxBytes maximum length of the body. Default: 512 MB. */
  constructor(readonly maxBytes = MAX_BYTES) {
    super({ key: 'hosts', maxArrayBytes: MAX_ARRAY_BYTES, replace: summarize });
  }
}

function summarize(array: Buffer): Buffer {
  const hosts = parseJson(array.toString());
  // The reader of the response reports invalid JSON.
  return Array.isArray(hosts) ? Buffer.from(JSON.stringify(summarizeHosts(hosts))) : array;
}

/**
 * Summarizes the hosts in a response. Entries that are not objects with texts as `name` and `ip` are left out.
 *
 * The version is the SHA-256 of the JSON text `[["name","ip"],…]` without spaces in UTF-8, sorted by name and then by
 * ip, each by UTF-16 code units. It depends on neither the order nor the other fields of the entries.
 */
export function summarizeHosts(hosts: readonly unknown[]): HostsSummary {
  const pairs = hosts.filter(isHostMapping).map(({ name, ip }) => [name, ip] as const);
  pairs.sort(([name, ip], [otherName, otherIp]) => compare(name, otherName) || compare(ip, otherIp));
  return { count: pairs.length, version: createHash('sha256').update(JSON.stringify(pairs)).digest('hex') };
}

function isHostMapping(entry: unknown): entry is HostMapping {
  return isObject(entry) && typeof entry['name'] === 'string' && typeof entry['ip'] === 'string';
}

function compare(text: string, other: string): number {
  if (text === other) return 0;
  return text < other ? -1 : 1;
}
