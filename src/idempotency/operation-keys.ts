import type { KeyObject } from 'node:crypto';
import { createHmac, createSecretKey, hash } from 'node:crypto';
import type { ConnectionRequest } from '../dli/connection.js';
import type { OperationStore } from '../operation-store/operation-store.js';
import type { CreateCommand } from './create-connection.js';

/** The keys by which the store finds a create. */
export interface OperationKey {
  /** Keyed hash of tenant, DLI project and idempotency key. */
  id: string;
  /** Keyed hash of the DLI project: gateways of several projects may share a store. */
  projectId: string;
  /** Keyed hash of DLI project and connection name: all tenants of a project share its names. */
  nameId: string;
  /** {@link inputFingerprint} of the request. */
  fingerprint: string;
}

/** The store's secret, and the only key that depends on nothing else. */
interface Secret {
  hmacKey: KeyObject;
  projectId: string;
}

/** Derives the keys of one project's operations from the store's secret, which is read once. */
export class OperationKeys {
  // Not a parameter property: it contains the project id, which no log may show.
  readonly #project: string;
  readonly #secretOf = new WeakMap<OperationKey, Promise<Secret>>();
  #secret: Promise<Secret> | undefined;

  /** @param project the DLI project, spelled the same way at every start */
  constructor(
    private readonly store: OperationStore,
    project: string,
  ) {
    this.#project = project;
  }

  /**
   * The keys of a create.
   *
   * @throws {StoreUnavailableError} while the secret has not been read
   */
  async forCreate({ tenant, idempotencyKey, request }: CreateCommand, fingerprint: string): Promise<OperationKey> {
    this.#secret ??= this.#readSecret();
    const secret = this.#secret;
    const { hmacKey, projectId } = await secret;
    const key = {
      id: this.#keyedHash(hmacKey, 'create', tenant, idempotencyKey),
      projectId,
      nameId: this.#keyedHash(hmacKey, 'name', request.name),
      fingerprint,
    };
    this.#secretOf.set(key, secret);
    return key;
  }

  /** Whether the keys of a create were derived from the secret in use. */
  isCurrent(key: OperationKey): boolean {
    return this.#secretOf.get(key) === this.#secret;
  }

  /**
   * The key of a tenant's request to delete a connection.
   *
   * @throws {StoreUnavailableError} while the secret has not been read
   */
  async forDeletion(tenant: string, connectionId: string): Promise<string> {
    this.#secret ??= this.#readSecret();
    const { hmacKey } = await this.#secret;
    return this.#keyedHash(hmacKey, 'delete', tenant, connectionId);
  }

  /** The key that all records of this project share. */
  async projectId(): Promise<string> {
    this.#secret ??= this.#readSecret();
    return (await this.#secret).projectId;
  }

  /**
   * The store's secret, which keys all hashes in it.
   *
   * @throws {StoreUnavailableError} while the secret has not been read
   */
  async hmacKey(): Promise<KeyObject> {
    this.#secret ??= this.#readSecret();
    return (await this.#secret).hmacKey;
  }

  /** Makes the next use read the secret again, because the store has another one. */
  forgetSecret(): void {
    this.#secret = undefined;
  }

  // Keyed, so that readers of the store cannot guess idempotency keys, tenants and names.
  // Stored: do not rename the kinds, and keep the order of the parts.
  #keyedHash(hmacKey: KeyObject, kind: 'create' | 'name' | 'delete' | 'project', ...parts: string[]): string {
    const input = JSON.stringify([kind, this.#project, ...parts]);
    return createHmac('sha256', hmacKey).update(input).digest('hex');
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
 */
// Stored: do not change.
export function inputFingerprint(request: ConnectionRequest): string {
  const { name, service, securityGroupId, networkId, url, clusterName = null, tags = [] } = request;
  const pairs = tags.map(({ key, value }) => [key, value]);
  return hash('sha256', JSON.stringify([name, service, securityGroupId, networkId, url, clusterName, pairs]));
}
