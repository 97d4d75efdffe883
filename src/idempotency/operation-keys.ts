import type { KeyObject } from 'node:crypto';
import { createHmac, createSecretKey, hash } from 'node:crypto';
import type { ConnectionRequest, Resource } from '../dli/connection.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import type { OperationRecord } from '../operation-store/record-format.js';
import type { CreateCommand } from './create-connection.js';

/** The keys by which the store finds a create. */
export interface OperationKey {
  /** Keyed hash of tenant, DLI project and idempotency key. */
  id: string;
  /** Keyed hash of the DLI project: gateways of several projects may share a store. */
  projectId: string;
  /** Keyed hash of DLI project, kind and name of the connection: all tenants of a project share its names. */
  nameId: string;
  /** {@link inputFingerprint} of the request. */
  fingerprint: string;
}

/** The store's secret, and the project's key, which depends on no call. */
interface Secret {
  hmacKey: KeyObject;
  projectId: string;
}

/**
 * Derives the keys of one project's operations from the store's secret, which is read once.
 *
 * All methods that return a key throw {@link StoreUnavailableError} while the secret cannot be read.
 */
export class OperationKeys {
  // Not a parameter property: it contains the project id, which no log may show.
  readonly #project: string;
  #secret: Promise<Secret> | undefined;

  /** @param project the DLI project, spelled the same way at every start */
  constructor(
    private readonly store: OperationStore,
    project: string,
  ) {
    this.#project = project;
  }

  /** The keys of a create. */
  async forCreate({ tenant, idempotencyKey, request }: CreateCommand, fingerprint: string): Promise<OperationKey> {
    const { hmacKey, projectId } = await this.#currentSecret();
    return {
      id: this.#keyedHash(hmacKey, 'create', tenant, idempotencyKey),
      projectId,
      nameId: this.#keyedHash(hmacKey, request.kind === 'CLASSIC' ? 'name' : 'enhancedName', request.name),
      fingerprint,
    };
  }

  /** The key of a tenant's request to delete a connection. */
  async forDeletion(tenant: string, connectionId: string): Promise<string> {
    return this.#keyedHash(await this.hmacKey(), 'delete', tenant, connectionId);
  }

  /** The key that all records of this project share. It changes with the secret. */
  async projectId(): Promise<string> {
    return (await this.#currentSecret()).projectId;
  }

  /** The store's secret, which keys all hashes in it. */
  async hmacKey(): Promise<KeyObject> {
    return (await this.#currentSecret()).hmacKey;
  }

  /** Makes the next use read the secret again, because the store has another one. */
  forgetSecret(): void {
    this.#secret = undefined;
  }

  // Keyed, so that readers of the store cannot guess idempotency keys, tenants and names.
  // Stored: do not rename the kinds, and keep the order of the parts.
  #keyedHash(
    hmacKey: KeyObject,
    kind: 'create' | 'name' | 'enhancedName' | 'delete' | 'project',
    ...parts: string[]
  ): string {
    const input = JSON.stringify([kind, this.#project, ...parts]);
    return createHmac('sha256', hmacKey).update(input).digest('hex');
  }

  #currentSecret(): Promise<Secret> {
    this.#secret ??= this.#readSecret();
    return this.#secret;
  }

  async #readSecret(): Promise<Secret> {
    try {
      const hmacKey = createSecretKey(await this.store.secret());
      return { hmacKey, projectId: this.#keyedHash(hmacKey, 'project') };
    } catch (error) {
      this.#secret = undefined;
      throw error;
    }
  }
}

/**
 * SHA-256 of a create's input: 64 hex digits, regardless of the order of the fields. Absent and empty fields mean
 * the same to DLI, so they have the same fingerprint.
 *
 * @param resources the pools and queues to bind, for an enhanced connection
 */
// Stored: do not change.
export function inputFingerprint(request: ConnectionRequest, resources: readonly Resource[] = []): string {
  return hash('sha256', JSON.stringify(canonicalFields(request, resources)));
}

function canonicalFields(request: ConnectionRequest, resources: readonly Resource[]): unknown[] {
  const { name, networkId, tags = [] } = request;
  const pairs = tags.map(({ key, value }) => [key, value]);
  if (request.kind === 'CLASSIC') {
    const { service, securityGroupId, url, clusterName = null } = request;
    return [name, service, securityGroupId, networkId, url, clusterName, pairs];
  }
  const { kind, vpcId, routeTableId = null, hosts = [] } = request;
  const hostPairs = hosts.map(host => [host.name, host.ip]);
  const bound = resources.map(resource => [resource.kind, resource.name]);
  return [kind, name, vpcId, networkId, routeTableId, bound, hostPairs, pairs];
}

/** The fields of a request that identify its connection in DLI's list. */
export function wantedOf(request: ConnectionRequest): OperationRecord['wanted'] {
  const { name } = request;
  if (request.kind === 'CLASSIC') return { name, service: request.service, url: request.url };
  return { kind: 'ENHANCED', name, vpcId: request.vpcId, networkId: request.networkId };
}
