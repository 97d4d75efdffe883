import type { BindingChange, BindingChanges } from './binding-changes.js';
import {
  enhancedConnectionBody,
  enhancedListBody,
  enhancedListQuerySchema,
  namedResources,
  privilegesBody,
  readBindBody,
  readEnhancedCreateBody,
  tagsBody,
} from './enhanced-bodies.js';
import type { EnhancedConnectionStore, StoredEnhancedConnection } from './enhanced-connections.js';
import { dliError, notFoundError } from './errors.js';
import type { EmulatorOptions } from './options.js';
import { readQuery } from './request-input.js';
import type { EmulatedResponse } from './respond.js';
import { jsonResponse } from './respond.js';
import type { Call } from './routes.js';
import { hasTags, readTagFilter } from './tags.js';

/** The DLI operations on enhanced datasource connections. Requests are already authenticated. */
export class EnhancedOperations {
  constructor(
    private readonly options: EmulatorOptions,
    private readonly connections: EnhancedConnectionStore,
    private readonly changes: BindingChanges,
  ) {}

  /** Creates an ACTIVE connection and starts to bind the named pools and queues: 201 with its id. */
  create({ request, route, isDryRun }: Call): EmulatedResponse {
    const { body, problem } = readEnhancedCreateBody(request.body);
    if (problem !== undefined) return dliError('DLI.0001', problem);
    if (this.options.uniqueNames && this.connections.isNameTaken(route.projectId, body.name))
      return dliError('DLI.0006', `The connection ${body.name} already exists.`);
    const record = this.connections.prepare({
      projectId: route.projectId,
      name: body.name,
      vpcId: body.dest_vpc_id,
      networkId: body.dest_network_id,
      routeTableId: body.routetable_id,
      hosts: body.hosts,
      tags: body.tags,
    });
    const { connectionId } = record;
    const change = this.changes.bind(record, namedResources(body));
    if (change.refusal !== undefined && !this.options.partialBinding) return change.refusal;
    const created = jsonResponse(201, { is_success: true, message: '', connection_id: connectionId });
    const response = this.#carryOut(change, created, isDryRun);
    return isDryRun ? response : { ...response, appliedConnectionId: connectionId };
  }

  /** Describes a connection or its tombstone. */
  get({ route }: Call): EmulatedResponse {
    const connection = this.connections.find(route.projectId, route.connectionId);
    if (connection === undefined) return notFoundError(route.connectionId, this.options);
    return jsonResponse(200, enhancedConnectionBody(connection, this.options));
  }

  /** Lists a page of the connections and tombstones of the project. */
  list({ request, route }: Call): EmulatedResponse {
    const { query, problem } = readQuery(enhancedListQuerySchema, request.query);
    if (problem !== undefined) return dliError('DLI.0001', problem);
    const { filter, problem: tagProblem } = readTagFilter(request.query, this.options.tagFilter);
    if (tagProblem !== undefined) return dliError('DLI.0001', tagProblem);
    const listedUntilMs = this.options.now() - this.options.listLagMs;
    const matching = this.#inListOrder().filter(
      ({ projectId, createdAtMs, name, status, tags }) =>
        projectId === route.projectId &&
        createdAtMs <= listedUntilMs &&
        (query.name === undefined || name === query.name) &&
        (query.status === undefined || status.toUpperCase() === query.status) &&
        hasTags(tags, filter),
    );
    const end = query.limit === 0 ? matching.length : query.offset + query.limit;
    return jsonResponse(200, enhancedListBody(matching.slice(query.offset, end), this.options));
  }

  /** Deletes a connection without a CREATING binding, leaving a tombstone. */
  delete({ route, isDryRun }: Call): EmulatedResponse {
    const { projectId, connectionId } = route;
    const record = this.connections.findLive(projectId, connectionId);
    if (record === undefined) return notFoundError(connectionId, this.options);
    const { bindings = [] } = this.connections.find(projectId, connectionId) ?? {};
    if (bindings.some(({ status }) => status === 'CREATING'))
      return dliError('DLI.0007', `Connection ${connectionId} is being created and cannot be deleted.`);
    const response = jsonResponse(200, { is_success: true, message: 'Deleted' });
    if (isDryRun) return response;
    this.connections.markDeleted(record);
    return { ...response, appliedConnectionId: connectionId };
  }

  /** Starts to bind pools and queues. */
  associate(call: Call): EmulatedResponse {
    return this.#changeBindings(call, 'bind', names => `associated peer connection for queues: {${names}}.`);
  }

  /** Unbinds pools and queues at once. */
  disassociate(call: Call): EmulatedResponse {
    return this.#changeBindings(call, 'unbind', names => `Disassociated peer connection for queues:{${names}}.`);
  }

  /** Lists the tags of a connection. */
  tags({ route }: Call): EmulatedResponse {
    const connection = this.connections.findLive(route.projectId, route.connectionId);
    if (connection === undefined) return notFoundError(route.connectionId, this.options);
    return jsonResponse(200, tagsBody(connection, this.options));
  }

  /** Lists the projects that a connection is shared with. */
  privileges({ route }: Call): EmulatedResponse {
    const connection = this.connections.findLive(route.projectId, route.connectionId);
    if (connection === undefined) return notFoundError(route.connectionId, this.options);
    return jsonResponse(200, privilegesBody(connection, this.options));
  }

  #inListOrder(): StoredEnhancedConnection[] {
    const oldestFirst = this.connections.all();
    const { enhancedListOrder: order, listTwice } = this.options;
    if (order === 'newestFirst') oldestFirst.reverse();
    // Ids are random.
    if (order === 'shuffled') oldestFirst.sort((a, b) => (a.connectionId < b.connectionId ? -1 : 1));
    return listTwice ? oldestFirst.flatMap(connection => [connection, connection]) : oldestFirst;
  }

  #changeBindings(
    { request, route, isDryRun }: Call,
    change: 'bind' | 'unbind',
    messageOf: (names: string) => string,
  ): EmulatedResponse {
    const { body, problem } = readBindBody(request.body);
    if (problem !== undefined) return dliError('DLI.0001', problem);
    const record = this.connections.findLive(route.projectId, route.connectionId);
    if (record === undefined) return notFoundError(route.connectionId, this.options);
    const references = namedResources(body);
    const message = messageOf(references.map(({ name }) => name).join(','));
    const done = jsonResponse(200, { is_success: true, message });
    return this.#carryOut(this.changes[change](record, references), done, isDryRun);
  }

  #carryOut(change: BindingChange, done: EmulatedResponse, isDryRun: boolean): EmulatedResponse {
    const { record, applied, refusal } = change;
    const response = refusal ?? done;
    if (isDryRun) return response;
    this.connections.put(record);
    return applied.length === 0
      ? response
      : { ...response, appliedConnectionId: record.connectionId, appliedResources: applied };
  }
}
