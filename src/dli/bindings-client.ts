import type { BindingResponse, ConnectionTag, HostMapping, ListedResource, Resource } from './connection.js';
import { ResourceKind } from './connection.js';
import { ENHANCED_API } from './connection-api.js';
import type { DliRequests } from './dli-client.js';
import { pathOf } from './dli-client.js';
import type { OperationContext } from './dli-error.js';
import { DliError } from './dli-error.js';
import { readHosts } from './enhanced-responses.js';
import type { FieldReader } from './field-reader.js';
import { PAGE_SIZE, readAllPages } from './pages.js';
import type { DecodedResponse } from './responses.js';
import { MAX_LIST_RESPONSE_BYTES, MAX_RESPONSE_BYTES, readChange, readList, readSuccess } from './responses.js';
import { shownTags } from './sanitize.js';
import { sendChange } from './send-change.js';

// 20,000 hosts, the most that a connection may have, are 3.3 MB.
const MAX_HOSTS_RESPONSE_BYTES = 8 * 1024 * 1024;

/** The pools and queues of a project. */
export interface ResourceList {
  resources: ListedResource[];
  /** The kinds that are listed completely. Not all regions have pools. */
  knownKinds: ReadonlySet<ResourceKind>;
}

/** An elastic resource pool. Names are in lower case, because DLI ignores their case. */
interface ListedPool {
  name: string;
  queueNames: string[];
}

/** Client for what {@link DliClient} lacks of enhanced connections: bindings, resources, hosts and tags. */
export class BindingsClient {
  constructor(private readonly requests: DliRequests) {}

  /**
   * Binds a connection to a pool or queue, or unbinds it. A second request is sent only when DLI is proven not to have
   * executed the first.
   *
   * @throws {UnknownOutcomeError} when it may have been executed
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  async changeBinding(
    action: 'bind' | 'unbind',
    connectionId: string,
    { kind, name }: Resource,
    context: OperationContext,
  ): Promise<BindingResponse> {
    const operation = action === 'bind' ? 'associateQueue' : 'disassociateQueue';
    const pathEnd = action === 'bind' ? 'associate-queue' : 'disassociate-queue';
    const field = kind === ResourceKind.QUEUE ? 'queues' : 'elastic_resource_pools';
    return sendChange(
      this.requests.changes,
      {
        operation,
        method: 'POST',
        pathOf: projectId => pathOf(projectId, ENHANCED_API.collection, connectionId, pathEnd),
        body: JSON.stringify({ [field]: [name] }),
        maxBodyBytes: MAX_RESPONSE_BYTES,
      },
      context,
      // DLI sends a body; without one, the connection itself must show what was done.
      response => (response.text === '' ? undefined : readChange(response)),
    );
  }

  /**
   * All pools and queues of the project.
   *
   * @throws {DliError} as {@link DliClient.getConnection}, and REJECTED when neither of the two lists is offered
   */
  async listResources(context: OperationContext): Promise<ResourceList> {
    const [pools, queues] = await Promise.all([
      ifOffered(this.#listPools(context)),
      ifOffered(this.#listQueues(context)),
    ]);
    if (pools instanceof DliError && queues instanceof DliError) throw pools;
    const knownPools = pools instanceof DliError ? [] : pools;
    const knownQueues = queues instanceof DliError ? [] : queues;
    const knownKinds = new Set<ResourceKind>();
    if (!(pools instanceof DliError)) knownKinds.add(ResourceKind.ELASTIC_RESOURCE_POOL);
    if (!(queues instanceof DliError)) knownKinds.add(ResourceKind.QUEUE);
    return { resources: mergeResources(knownPools, knownQueues), knownKinds };
  }

  /**
   * The hosts of a connection, in DLI's order. Undefined when DLI has no connection with this id.
   *
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  async getHosts(connectionId: string, context: OperationContext): Promise<HostMapping[] | undefined> {
    const found = await this.requests.reads.send(
      {
        operation: ENHANCED_API.operations.get,
        method: 'GET',
        pathOf: projectId => pathOf(projectId, ENHANCED_API.collection, connectionId),
        maxBodyBytes: MAX_HOSTS_RESPONSE_BYTES,
      },
      context,
      response => (ENHANCED_API.isNotFound(response) ? 'notFound' : readHosts(response, connectionId)),
    );
    return found === 'notFound' ? undefined : found;
  }

  /**
   * The tags of a connection that may be shown.
   *
   * @throws {DliError} as {@link DliClient.getConnection}
   */
  async getTags(connectionId: string, context: OperationContext): Promise<ConnectionTag[]> {
    return this.requests.reads.send(
      {
        operation: 'listEnhancedConnectionTags',
        method: 'GET',
        pathOf: projectId =>
          `/v3/${encodeURIComponent(projectId)}/dli_enhanced_datasource/${encodeURIComponent(connectionId)}/tags`,
        maxBodyBytes: MAX_RESPONSE_BYTES,
      },
      context,
      readTags,
    );
  }

  #listPools(context: OperationContext): Promise<ListedPool[]> {
    const list = {
      operation: 'listElasticResourcePools',
      method: 'GET',
      maxBodyBytes: MAX_LIST_RESPONSE_BYTES,
      isCollection: true,
    } as const;
    return readAllPages({
      readPage: offset => {
        const bounds = { offset, limit: PAGE_SIZE };
        const query = `limit=${bounds.limit}&offset=${offset}`;
        return this.requests.reads.send(
          { ...list, pathOf: projectId => `/v3/${encodeURIComponent(projectId)}/elastic-resource-pools?${query}` },
          context,
          response => readPools(response, bounds),
        );
      },
      idOf: ({ name }) => name,
    });
  }

  #listQueues(context: OperationContext): Promise<ListedResource[]> {
    return this.requests.reads.send(
      {
        operation: 'listQueues',
        method: 'GET',
        // By default, DLI lists only queues for SQL.
        pathOf: projectId => `/v1.0/${encodeURIComponent(projectId)}/queues?queue_type=all`,
        maxBodyBytes: MAX_LIST_RESPONSE_BYTES,
        isCollection: true,
      },
      context,
      readQueues,
    );
  }
}

/** The list, or the error if DLI does not offer it. */
async function ifOffered<T>(list: Promise<T>): Promise<T | DliError> {
  try {
    return await list;
  } catch (error) {
    if (error instanceof DliError && error.isNotOffered) return error;
    throw error;
  }
}

/** Pools and queues by name. Either list may show which pool a queue belongs to. */
function mergeResources(pools: readonly ListedPool[], queues: readonly ListedResource[]): ListedResource[] {
  const listed = new Map<string, ListedResource>();
  for (const pool of pools)
    for (const name of pool.queueNames) listed.set(name, { kind: ResourceKind.QUEUE, name, poolName: pool.name });
  for (const queue of queues) {
    const poolName = queue.poolName ?? listed.get(queue.name)?.poolName ?? null;
    listed.set(queue.name, { ...queue, poolName });
  }
  const poolNames = new Set(pools.map(({ name }) => name));
  return [
    ...[...poolNames].map(name => ({ kind: ResourceKind.ELASTIC_RESOURCE_POOL, name, poolName: null })),
    ...listed.values(),
  ];
}

/**
 * Parses one page of DLI's response to `GET /v3/{project_id}/elastic-resource-pools`. Undefined when it is not a
 * complete page.
 */
function readPools(response: DecodedResponse, bounds: { offset: number; limit: number }): ListedPool[] | undefined {
  return readList(response, 'elastic_resource_pools', bounds)?.flatMap(pool => {
    const name = pool.requiredText('elastic_resource_pool_name');
    if (name === null) return [];
    return { name: name.toLowerCase(), queueNames: pool.texts('queues').map(queue => queue.toLowerCase()) };
  });
}

/** Parses DLI's response to `GET /v1.0/{project_id}/queues`. Undefined when it is not a complete list. */
function readQueues(response: DecodedResponse): ListedResource[] | undefined {
  return readList(response, 'queues')?.flatMap(queue => {
    const name = queueNameOf(queue);
    if (name === null) return [];
    const poolName = queue.text('elastic_resource_pool_name') || null;
    return { kind: ResourceKind.QUEUE, name: name.toLowerCase(), poolName: poolName?.toLowerCase() ?? null };
  });
}

// The get of a single queue has names like the second one.
function queueNameOf(queue: FieldReader): string | null {
  return queue.text('queueName') || queue.requiredText('queue_name');
}

/**
 * Parses DLI's response to `GET /v3/{project_id}/dli_enhanced_datasource/{connection_id}/tags`: the tags that may be
 * shown. Undefined when it is not a success.
 */
function readTags(response: DecodedResponse): ConnectionTag[] | undefined {
  const fields = readSuccess(response);
  return fields && (shownTags(fields.tags('tags'), response.confidential) ?? []);
}
