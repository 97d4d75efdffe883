import type { EmulatorSettings } from './options.js';
import type { StoredConnection } from './stored-connection.js';

type Style = Pick<EmulatorSettings, 'answerStyle' | 'queueInfoKey'>;

/** The words of SQL mode, which the manual of 2018 prints where no cluster was given. */
const NO_CLUSTER = '#SQL#';

/** The body of a get answer. */
export function connectionBody(connection: StoredConnection, style: Style) {
  return {
    ...commonFields(connection, style),
    ...(hasQueueInfo(style) && { available_queue_info: queueInfo(connection, style) }),
    // The manual prints it, in an answer about one connection, and describes it nowhere.
    ...(style.answerStyle === '2021' && { count: 1 }),
  };
}

/** The body of a list answer; 2018 and 2019 print no count. */
export function connectionListBody(connections: readonly StoredConnection[], style: Style) {
  return {
    is_success: true,
    message: '',
    connections: connections.map(connection => listElement(connection, style)),
    ...(hasQueueInfo(style) && { count: connections.length }),
  };
}

function listElement(connection: StoredConnection, style: Style) {
  const { message, ...rest } = commonFields(connection, style);
  return {
    ...rest,
    // As the manual of 2018 prints it.
    [style.answerStyle === '2018' ? 'message ' : 'message']: message,
    ...(style.answerStyle === '2021' && { available_queue_info: queueInfo(connection, style) }),
    ...(style.answerStyle === '2024' && { queue_list: connection.queues }),
  };
}

function commonFields(connection: StoredConnection, { answerStyle }: Style) {
  const isOf2018 = answerStyle === '2018';
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
    cluster_name: connection.clusterName === '' && isOf2018 ? NO_CLUSTER : connection.clusterName,
    ...(!isOf2018 && { service: connection.service, create_time: connection.createdAtMs }),
  };
}

function hasQueueInfo({ answerStyle }: Style): boolean {
  return answerStyle === '2021' || answerStyle === '2024';
}

function queueInfo(connection: StoredConnection, { answerStyle, queueInfoKey }: Style) {
  return connection.queues.map(queue => ({
    [answerStyle === '2021' ? 'peer_id' : queueInfoKey]: `${connection.connectionId}-${queue}`,
    status: connection.state,
    name: queue,
    err_msg: connection.message,
    update_time: connection.updatedAtMs,
  }));
}
