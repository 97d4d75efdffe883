import { createHmac, hash } from 'node:crypto';
import type { ConnectionRequest } from '../dli/connection.js';
import type { OperationStore } from '../operation-store/operation-store.js';

/** What a create is told from others by, beside its input. */
interface CreateNames {
  tenant: string;
  idempotencyKey: string;
  /** The connection's name. */
  name: string;
}

/** Identifies the creates and deletions of one project by the store's secret, which is read once. */
export class OperationKeys {
  readonly #store: OperationStore;
  readonly #project: string;
  #known: Promise<{ secret: Buffer; projectId: string }> | undefined;

  /** @param project says which DLI project, the same way at every start */
  constructor(store: OperationStore, project: string) {
    this.#store = store;
    this.#project = project;
  }

  /** @throws {StoreUnavailableError} while the secret has not been read */
  async identify({ tenant, idempotencyKey, name }: CreateNames): Promise<Omit<OperationKey, 'fingerprint'>> {
    const { secret, projectId } = await this.#read();
    return {
      id: keyedHash(secret, ['create', this.#project, tenant, idempotencyKey]),
      projectId,
      nameId: keyedHash(secret, ['name', this.#project, name]),
    };
  }

  /**
   * What tells a tenant's wish to delete a connection from every other.
   *
   * @throws {StoreUnavailableError} while the secret has not been read
   */
  async deletionKey(tenant: string, connectionId: string): Promise<string> {
    const { secret } = await this.#read();
    return keyedHash(secret, ['delete', this.#project, tenant, connectionId]);
  }

  /** What the records of this project have in common. */
  async projectId(): Promise<string> {
    return (await this.#read()).projectId;
  }

  /** Has the secret read anew: the store has another one. */
  forgetSecret(): void {
    this.#known = undefined;
  }

  async #read(): Promise<{ secret: Buffer; projectId: string }> {
    this.#known ??= this.#store
      .secret()
      .then(secret => ({ secret, projectId: keyedHash(secret, ['project', this.#project]) }));
    try {
      return await this.#known;
    } catch (error) {
      this.#known = undefined;
      throw error;
    }
  }
}

/** What tells one create from every other. */
export interface OperationKey {
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
function keyedHash(secret: Buffer, parts: readonly string[]): string {
  return createHmac('sha256', secret).update(JSON.stringify(parts)).digest('hex');
}

/** SHA-256 of a create's input, as 64 hex digits. Absent and empty mean the same to DLI, so they do here. */
export function fingerprintOf(request: ConnectionRequest): string {
  const { name, service, securityGroupId, networkId, url, clusterName = null, tags = [] } = request;
  const pairs = tags.map(({ key, value }) => [key, value]);
  return hash('sha256', JSON.stringify([name, service, securityGroupId, networkId, url, clusterName, pairs]));
}
