import { createHmac, hash } from 'node:crypto';
import type { ConnectionRequest } from '../dli/connection.js';

/** What tells one create from every other. */
export interface CreateIdentity {
  /** Keyed hash of tenant, DLI project and idempotency key. */
  id: string;
  /** Keyed hash of the DLI project: gateways of several projects may share a store, and each sees its own list. */
  projectId: string;
  /** Keyed hash of DLI project and connection name: names are shared by all tenants of a project. */
  nameId: string;
  /** SHA-256 of the input: equal inputs have equal ones, whatever the order of their fields. */
  fingerprint: string;
}

/**
 * Keyed hash of a few texts.
 *
 * @param secret keeps anybody who reads the store from guessing keys, tenants and names
 */
export function keyedHash(secret: Buffer, parts: readonly string[]): string {
  return createHmac('sha256', secret).update(JSON.stringify(parts)).digest('hex');
}

/** SHA-256 of a create's input, as 64 hex digits. Absent and empty mean the same to DLI, so they do here. */
export function fingerprintOf(request: ConnectionRequest): string {
  const { name, service, securityGroupId, networkId, url, clusterName = null, tags = [] } = request;
  const pairs = tags.map(({ key, value }) => [key, value]);
  return hash('sha256', JSON.stringify([name, service, securityGroupId, networkId, url, clusterName, pairs]));
}
