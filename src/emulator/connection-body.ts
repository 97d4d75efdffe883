import type { EmulatorSettings } from './options.js';
import type { StoredConnection } from './stored-connection.js';

/** The body of a get answer. */
export function connectionBody(connection: StoredConnection, queueInfoKey: EmulatorSettings['queueInfoKey']) {
  return {
    ...commonFields(connection),
    available_queue_info: connection.queues.map(queue => ({
      [queueInfoKey]: `${connection.connectionId}-${queue}`,
      status: connection.state,
      name: queue,
      err_msg: connection.message,
      update_time: connection.deletedAtMs ?? connection.createdAtMs,
    })),
  };
}

/** One element of a list answer: as in a get, but with queue names only. */
export function connectionListElement(connection: StoredConnection) {
  return { ...commonFields(connection), queue_list: connection.queues };
}

function commonFields(connection: StoredConnection) {
  return {
    // Stays true for a FAILED connection: it says that this call went well.
    is_success: true,
    message: connection.message,
    connection_id: connection.connectionId,
    destination: connection.destination,
    state: connection.state,
    process: connection.process,
    name: connection.name,
    connection_url: connection.connectionUrl,
    cluster_name: connection.clusterName,
    service: connection.service,
    create_time: connection.createdAtMs,
  };
}
