import type { RecordStore } from '../operation-store/operation-store.js';
import type { CreateIdentity } from './create-identity.js';
import { keyedHash } from './create-identity.js';

/** What a create is told from others by, beside its input. */
interface CreateNames {
  tenant: string;
  idempotencyKey: string;
  /** The connection's name. */
  name: string;
}

/** Identifies the creates and deletions of one project by the store's secret, which is read once. */
export class OperationIdentities {
  readonly #store: RecordStore;
  readonly #project: string;
  #known: Promise<{ secret: Buffer; projectId: string }> | undefined;

  /** @param project says which DLI project, the same way at every start */
  constructor(store: RecordStore, project: string) {
    this.#store = store;
    this.#project = project;
  }

  /** @throws {StoreUnavailableError} while the secret has not been read */
  async identify({
    tenant,
    idempotencyKey,
    name,
  }: CreateNames): Promise<Omit<CreateIdentity, 'fingerprint'>> {
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
  async identifyDeletion(tenant: string, connectionId: string): Promise<string> {
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
