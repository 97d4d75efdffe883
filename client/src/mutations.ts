import type {
  BindDatasourceConnectionMutation,
  ConnectionResourceInput,
  CreateDatasourceConnectionInput,
  CreateDatasourceConnectionMutation,
  CreateEnhancedDatasourceConnectionInput,
  CreateEnhancedDatasourceConnectionMutation,
  DeleteDatasourceConnectionMutation,
  UnbindDatasourceConnectionMutation,
} from './generated/documents.js';
import {
  BindDatasourceConnectionDocument,
  CreateDatasourceConnectionDocument,
  CreateEnhancedDatasourceConnectionDocument,
  DeleteDatasourceConnectionDocument,
  UnbindDatasourceConnectionDocument,
} from './generated/documents.js';
import type { Answer, RepeatOptions } from './repeat.js';
import { repeatUntilDecided } from './repeat.js';
import type { TypedDocumentNode } from './typed-document-node.js';

/** A member of the payload union of a create of a classic connection. */
export type CreatePayload = CreateDatasourceConnectionMutation['createDatasourceConnection'];

/** A member of the payload union of a create of an enhanced connection. */
export type CreateEnhancedPayload = CreateEnhancedDatasourceConnectionMutation['createEnhancedDatasourceConnection'];

/** A member of the payload union of a bind. */
export type BindPayload = BindDatasourceConnectionMutation['bindDatasourceConnection'];

/** A member of the payload union of an unbind. */
export type UnbindPayload = UnbindDatasourceConnectionMutation['unbindDatasourceConnection'];

/** A member of the payload union of a delete. */
export type DeletePayload = DeleteDatasourceConnectionMutation['deleteDatasourceConnection'];

/** How a mutation of the client is repeated, and for how long. */
export type MutationOptions<T> = Omit<RepeatOptions<T>, 'idempotencyKey'>;

/** How a connection is deleted. */
export interface DeleteOptions extends MutationOptions<DeletePayload> {
  /** Whether to refuse if a pool or queue is bound. Default: false. */
  ifUnbound?: boolean | undefined;
}

/** The mutations, each repeated until its answer is final or time runs out. */
export interface Mutations {
  /**
   * Creates at most one classic connection, repeating the call until the answer is final or time runs out. Without
   * `input.idempotencyKey` a random key is used; choose one if the call may have to continue after a reload.
   *
   * @throws GatewayError for errors that a repeat cannot fix, such as a refused token or a wrong enum value
   * @throws UndecidedError if time runs out without an answer
   */
  createDatasourceConnection(
    input: CreateDatasourceConnectionInput,
    options?: MutationOptions<CreatePayload>,
  ): Promise<CreatePayload>;
  /**
   * Creates an enhanced connection and binds it to `input.resources`, as `createDatasourceConnection` creates a classic
   * one. The success lists in `notBound` what could not be bound; follow the rest with `follow`.
   */
  createEnhancedDatasourceConnection(
    input: CreateEnhancedDatasourceConnectionInput,
    options?: MutationOptions<CreateEnhancedPayload>,
  ): Promise<CreateEnhancedPayload>;
  /** Binds an enhanced connection to pools and queues. Throws the same errors as a create. */
  bindDatasourceConnection(
    connectionId: string,
    resources: readonly ConnectionResourceInput[],
    options?: MutationOptions<BindPayload>,
  ): Promise<BindPayload>;
  /** Unbinds an enhanced connection from pools and queues; waits while a binding is being created. */
  unbindDatasourceConnection(
    connectionId: string,
    resources: readonly ConnectionResourceInput[],
    options?: MutationOptions<UnbindPayload>,
  ): Promise<UnbindPayload>;
  /** Deletes a connection; waits while it or a binding of it is being created. Throws the same errors as a create. */
  deleteDatasourceConnection(id: string, options?: DeleteOptions): Promise<DeletePayload>;
}

type Request = <TResult, TVariables>(
  document: TypedDocumentNode<TResult, TVariables>,
  variables: TVariables,
  options?: { signal?: AbortSignal | undefined },
) => Promise<TResult>;

/** Creates the mutations of a client, which send their requests through `request`. */
export function createMutations(request: Request): Mutations {
  function repeat<TResult, TInput, T extends Answer>(
    document: TypedDocumentNode<TResult, { input: TInput }>,
    input: TInput,
    payloadOf: (result: TResult) => T,
    options: RepeatOptions<T> = {},
  ): Promise<T> {
    return repeatUntilDecided(async signal => payloadOf(await request(document, { input }, { signal })), options);
  }

  return {
    createDatasourceConnection(input, options) {
      const idempotencyKey = input.idempotencyKey ?? crypto.randomUUID();
      return repeat(
        CreateDatasourceConnectionDocument,
        { ...input, idempotencyKey },
        result => result.createDatasourceConnection,
        { ...options, idempotencyKey },
      );
    },
    createEnhancedDatasourceConnection(input, options) {
      const idempotencyKey = input.idempotencyKey ?? crypto.randomUUID();
      return repeat(
        CreateEnhancedDatasourceConnectionDocument,
        { ...input, idempotencyKey },
        result => result.createEnhancedDatasourceConnection,
        { ...options, idempotencyKey },
      );
    },
    bindDatasourceConnection: (connectionId, resources, options) =>
      repeat(
        BindDatasourceConnectionDocument,
        { connectionId, resources: [...resources] },
        result => result.bindDatasourceConnection,
        options,
      ),
    unbindDatasourceConnection: (connectionId, resources, options) =>
      repeat(
        UnbindDatasourceConnectionDocument,
        { connectionId, resources: [...resources] },
        result => result.unbindDatasourceConnection,
        options,
      ),
    deleteDatasourceConnection: (id, { ifUnbound, ...options } = {}) =>
      repeat(
        DeleteDatasourceConnectionDocument,
        { id, ...(ifUnbound !== undefined && { ifUnbound }) },
        result => result.deleteDatasourceConnection,
        options,
      ),
  };
}
