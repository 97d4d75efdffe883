import type { ConnectionStore } from './connections.js';
import { findServiceKind } from './connections.js';
import { connectionBody, connectionListBody, readCreateBody } from './dli-bodies.js';
import { dliError, notFoundError } from './errors.js';
import type { EmulatorOptions } from './options.js';
import type { EmulatedResponse } from './respond.js';
import { jsonResponse } from './respond.js';
import type { Call } from './routes.js';
import { hasTags, readTagFilter } from './tags.js';

/** The four DLI operations on classic datasource connections. Requests are already authenticated. */
export class DliOperations {
  constructor(
    private readonly options: EmulatorOptions,
    private readonly connections: ConnectionStore,
  ) {}

  /** Creates a connection in state CREATING: 201 with its id. */
  create({ request, route, isDryRun }: Call): EmulatedResponse {
    const { body, problem } = readCreateBody(request.body);
    if (problem !== undefined) return dliError('DLI.0001', problem);
    if (body.cluster_name?.toLowerCase() === 'default')
      return dliError('DLI.0007', 'The default queue does not support datasource connections.');
    if (this.options.uniqueNames && this.connections.isNameTaken(route.projectId, body.name))
      return dliError('DLI.0006', `The connection ${body.name} already exists.`);
    const record = this.connections.prepare({
      projectId: route.projectId,
      name: body.name,
      service: findServiceKind(body.service)?.canonical ?? body.service,
      destination: body.url,
      securityGroupId: body.security_group_id,
      networkId: body.network_id,
      clusterName: body.cluster_name ?? '',
      tags: body.tags ?? [],
    });
    const response = jsonResponse(201, { is_success: true, message: '', connection_id: record.connectionId });
    if (isDryRun) return response;
    this.connections.add(record);
    return { ...response, appliedConnectionId: record.connectionId };
  }

  /** Describes a connection or its tombstone. */
  get({ route }: Call): EmulatedResponse {
    const connection = this.connections.find(route.projectId, route.connectionId);
    if (connection === undefined) return notFoundError(route.connectionId, this.options);
    return jsonResponse(200, connectionBody(connection, this.options));
  }

  /** Lists all connections and tombstones of the project, oldest first. */
  list({ request, route }: Call): EmulatedResponse {
    const { filter, problem } = readTagFilter(request.query, this.options.tagFilter);
    if (problem !== undefined) return dliError('DLI.0001', problem);
    const listedUntilMs = this.options.now() - this.options.listLagMs;
    const connections = this.connections
      .all()
      .filter(connection => connection.projectId === route.projectId)
      .filter(connection => connection.createdAtMs <= listedUntilMs)
      .filter(({ tags }) => hasTags(tags, filter));
    return jsonResponse(200, connectionListBody(connections, this.options));
  }

  /** Deletes a connection that is not in state CREATING, leaving a tombstone. */
  delete({ route, isDryRun }: Call): EmulatedResponse {
    const { projectId, connectionId } = route;
    const connection = this.connections.find(projectId, connectionId);
    if (connection === undefined || connection.state === 'DELETED') return notFoundError(connectionId, this.options);
    if (connection.state === 'CREATING')
      return dliError('DLI.0007', `Connection ${connectionId} in state CREATING cannot be deleted.`);
    const response = jsonResponse(200, { is_success: true, message: 'Deleted' });
    if (isDryRun) return response;
    this.connections.markDeleted(projectId, connectionId);
    return { ...response, appliedConnectionId: connectionId };
  }
}
