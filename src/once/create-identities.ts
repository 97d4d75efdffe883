import type { ConnectionRequest } from '../dli/connection.js';
import type { CreateIdentity } from './create-identity.js';
import { identifyCreate, identifyProject } from './create-identity.js';
import type { RecordStore } from './record-store.js';

/** Identifies the creates of one project by the store's secret, which is read once. */
export class CreateIdentities {
  readonly #store: RecordStore;
  readonly #project: string;
  #secret: Promise<Buffer> | undefined;

  /** @param project says which DLI project, the same way at every start */
  constructor(store: RecordStore, project: string) {
    this.#store = store;
    this.#project = project;
  }

  /** @throws {StoreUnavailableError} while the secret has not been read */
  async identify(
    tenant: string,
    idempotencyKey: string,
    request: ConnectionRequest,
  ): Promise<CreateIdentity> {
    return identifyCreate(await this.#readSecret(), this.#project, tenant, idempotencyKey, request);
  }

  /** What the records of this project have in common. */
  async projectId(): Promise<string> {
    return identifyProject(await this.#readSecret(), this.#project);
  }

  /** Has the secret read anew: the store has another one. */
  forgetSecret(): void {
    this.#secret = undefined;
  }

  async #readSecret(): Promise<Buffer> {
    this.#secret ??= this.#store.secret();
    try {
      return await this.#secret;
    } catch (error) {
      this.#secret = undefined;
      throw error;
    }
  }
}
