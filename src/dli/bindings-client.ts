import type { ConnectionTag, HostMapping, ListedResource, Resource } from './connection.js';
import type { OperationContext } from './dli-error.js';

/** DLI's response to a bind or unbind. `unsuccessful`: it failed, without a reason. */
export interface BindingResponse {
  kind: 'done' | 'unsuccessful';
  /** Huawei Cloud's request id, for its support. */
  requestId: string | undefined;
  /** DLI's own words about a failure, if they may be shown. */
  upstreamMessage?: string | undefined;
}

/** What DLI offers for enhanced connections beyond {@link DliClient}: bindings, resources, hosts and tags. */
export interface BindingsClient {
  /**
   * Binds a connection to a pool or queue, or takes it from it: one request, never repeated here.
   *
   * @throws {UnknownOutcomeError} when it may have been executed
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  changeBinding(
    action: 'bind' | 'unbind',
    connectionId: string,
    resource: Resource,
    context: OperationContext,
  ): Promise<BindingResponse>;

  /**
   * All pools and queues of the project.
   *
   * @throws {DliError} as {@link DliClient.getConnection}, also when one of the two lists is not offered
   */
  listResources(context: OperationContext): Promise<ListedResource[]>;

  /**
   * The hosts of a connection, in DLI's order. Undefined when DLI has no connection with this id.
   *
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  getHosts(connectionId: string, context: OperationContext): Promise<HostMapping[] | undefined>;

  /**
   * The tags of a connection that may be shown.
   *
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  getTags(connectionId: string, context: OperationContext): Promise<ConnectionTag[]>;
}
