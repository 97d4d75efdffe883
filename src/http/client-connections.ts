import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { canonicalAddress, networkOf } from '../lib/ip-address.js';
import type { Metrics } from '../metrics/metrics.js';
import type { ClientTimeouts } from './client-timeouts.js';
import type { CloseReason, RequestLog } from './request-log.js';

/** Unanswered requests that one connection may have: no client of today pipelines more than a few. */
const MAX_UNANSWERED = 16;

/**
 * How many connections may be open. Less than a third of the server's, so that no tenant or network can lock out the
 * others. The spare ones are for the requests of a tenant whose streams use up its quota.
 */
export const CONNECTION_QUOTAS = { perTenant: 500, sparePerTenant: 100, perNetwork: 500 };

/** Limits how many connections a holder (a tenant or a client network) keeps open in this process. */
export class ConnectionQuota {
  readonly #open = new Map<string, number>();

  /**
   * @param max open connections per holder
   * @param onRefused called for each connection beyond `max`
   */
  constructor(
    private readonly max: number,
    private readonly onRefused = () => {},
  ) {}

  /** Counts a connection of this holder until the returned function is called; undefined if the quota is used up. */
  acquire(holder: string): (() => void) | undefined {
    const open = this.#open.get(holder) ?? 0;
    if (open >= this.max) {
      this.onRefused();
      return undefined;
    }
    this.#open.set(holder, open + 1);
    return () => this.#release(holder);
  }

  #release(holder: string): void {
    const left = (this.#open.get(holder) ?? 1) - 1;
    if (left === 0) this.#open.delete(holder);
    else this.#open.set(holder, left);
  }
}

/** Limits on the connections that callers keep open; constant outside tests. */
export interface ConnectionLimits {
  /** Maximum number of streams, WebSockets and waiting queries per tenant. Default is 500. */
  connectionsPerTenant?: number | undefined;
  /** Maximum number of open client connections per network before sign-in. Default is 500. */
  connectionsPerNetwork?: number | undefined;
}

/** How many connections, and how many streams among them, may be open. */
export type ConnectionQuotas = ReturnType<typeof createQuotas>;

/** Creates the quotas of connections and streams, which are unlimited without tenants. */
export function createQuotas(hasTenants: boolean, limits: ConnectionLimits, metrics: Metrics) {
  const { connectionsPerTenant = CONNECTION_QUOTAS.perTenant } = limits;
  const { connectionsPerNetwork = CONNECTION_QUOTAS.perNetwork } = limits;
  const create = (kind: 'streams' | 'tenantConnections' | 'networkConnections', max: number) =>
    new ConnectionQuota(hasTenants ? max : Number.POSITIVE_INFINITY, () =>
      metrics.count('dli_gateway_rate_limited_total', { kind }),
    );
  return {
    /** Of the streams, WebSockets and waiting queries of one tenant. */
    streams: create('streams', connectionsPerTenant),
    /** Of one tenant, whatever they are used for. */
    ofTenant: create('tenantConnections', connectionsPerTenant + CONNECTION_QUOTAS.sparePerTenant),
    /** Of one client network, before a caller has signed in on them. One above the limit replaces an idle one. */
    ofNetwork: create('networkConnections', connectionsPerNetwork),
  };
}

interface Dependencies {
  quotas: ConnectionQuotas;
  timeouts: ClientTimeouts;
  /** How long Node keeps a connection after a response, in milliseconds. */
  keepAliveTimeoutMs: number;
  /** Whether an address is that of a trusted proxy, whose connections carry the requests of many callers. */
  isProxy: (address: string) => boolean;
  requestLog: RequestLog;
}

interface Connection {
  readonly socket: Socket;
  /** The address of its other end, which Node forgets when the client disconnects. */
  address: string;
  /** Undefined for a proxy, whose connections are not counted. */
  network: string | undefined;
  /** The tenant for which the connection counts; undefined before sign-in. */
  tenant: string | undefined;
  release: () => void;
  /** Responses that have been neither completely sent nor abandoned. */
  readonly unanswered: Set<ServerResponse>;
  /** When the last response was closed, in monotonic time. */
  idleSinceMs: number;
  /** Whether a request on it was answered. */
  isUsed: boolean;
  /** Write position and time at which the client last had nothing left to read. */
  readonly unread: { untilByte: number; sinceMs: number };
}

/**
 * The open connections of clients. Each one counts for its tenant or, before sign-in, for its network. It is closed
 * when its client does not read responses, sends nothing, or sends too many requests at a time.
 *
 * Connections of trusted proxies are not counted: a proxy shares them between callers, and limits its own clients.
 */
export class ClientConnections {
  readonly #open = new Map<Socket, Connection>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    server: Server,
    private readonly dependencies: Dependencies,
  ) {
    server.on('connection', (socket: Socket) => this.#add(socket));
    this.#timer = setInterval(() => this.#check(), dependencies.timeouts.checkIntervalMs).unref();
  }

  /**
   * Counts a request until its response is closed. Returns false, and closes the connection, when too many requests on
   * it are unanswered.
   */
  addRequest({ socket }: IncomingMessage, response: ServerResponse): boolean {
    const connection = this.#open.get(socket);
    if (connection === undefined || socket.destroyed) return false;
    if (connection.unanswered.size >= MAX_UNANSWERED) {
      this.#destroy(connection, 'pipelining');
      return false;
    }
    connection.unanswered.add(response);
    response.once('close', () => {
      connection.unanswered.delete(response);
      connection.idleSinceMs = performance.now();
      connection.isUsed = true;
    });
    return true;
  }

  /** The number of open connections, those of streams and WebSockets included. */
  get count(): number {
    return this.#open.size;
  }

  /** The client network of a connection; undefined for connections of trusted proxies. */
  networkOf(socket: Socket): string | undefined {
    return this.#open.get(socket)?.network;
  }

  /** Closes a connection whose network sends more requests than the gateway can accept. */
  closeFlooding(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection !== undefined) this.#destroy(connection, 'too many');
  }

  /** Whether an earlier request on the connection is unanswered. */
  hasUnanswered(socket: Socket): boolean {
    return (this.#open.get(socket)?.unanswered.size ?? 0) > 0;
  }

  /**
   * Closes a connection that sent invalid HTTP while an earlier request is unanswered: the client would take the error
   * for that response. Returns false if no other response is pending.
   */
  closeIfOutOfTurn(socket: Socket): boolean {
    const connection = this.#open.get(socket);
    // An incomplete request is the invalid one itself.
    const isOutOfTurn = [...(connection?.unanswered ?? [])].some(({ req }) => req.complete);
    if (connection !== undefined && isOutOfTurn) this.#destroy(connection, 'invalid');
    return isOutOfTurn;
  }

  /** Counts a connection for the tenant who has signed in on it; false when the tenant's quota is used up. */
  assignTenant(socket: Socket, tenant: string): boolean {
    const connection = this.#open.get(socket);
    if (connection?.network === undefined || connection.tenant === tenant) return true;
    const release = this.dependencies.quotas.ofTenant.acquire(tenant);
    if (release === undefined) return false;
    connection.release();
    Object.assign(connection, { tenant, release });
    return true;
  }

  /** Closes connections that have not sent a byte, for which Node would wait at shutdown. */
  closeSilent(): void {
    for (const socket of this.#open.keys()) if (socket.bytesRead === 0) socket.destroy();
  }

  /** Resolves when connections and requests that have arrived are accepted, so they are answered before a close. */
  async whenAccepted(): Promise<void> {
    // Whole turns of the event loop: the first accepts connections, the second reads from them.
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  }

  /** Resolves when requests that have arrived are accepted, and every ended response is completely sent. */
  async whenSent(): Promise<void> {
    await this.whenAccepted();
    for (;;) {
      const responses = [...this.#open.values()].flatMap(({ unanswered }) => [...unanswered]);
      const unsent = responses.filter(({ writableEnded }) => writableEnded);
      if (unsent.length === 0) return;
      await Promise.all(unsent.map(response => new Promise(resolve => response.once('close', resolve))));
    }
  }

  /** Stops checking for slow clients. */
  close(): void {
    clearInterval(this.#timer);
  }

  #add(socket: Socket): void {
    const address = canonicalAddress(socket.remoteAddress) ?? '';
    const network = this.dependencies.isProxy(address) ? undefined : networkOf(address);
    const release = network === undefined ? () => {} : this.#acquire(network);
    if (release === undefined) {
      this.#destroy({ socket, address }, 'too many');
      return;
    }
    const connection: Connection = {
      socket,
      address,
      network,
      tenant: undefined,
      release,
      unanswered: new Set(),
      idleSinceMs: performance.now(),
      isUsed: false,
      unread: { untilByte: 0, sinceMs: 0 },
    };
    this.#open.set(socket, connection);
    socket.once('close', () => {
      this.#remove(connection);
      setImmediate(closeAll, connection.unanswered);
    });
  }

  /** Counts one more connection of a network before sign-in, if necessary replacing an idle one. */
  #acquire(network: string): (() => void) | undefined {
    const { ofNetwork } = this.dependencies.quotas;
    const release = ofNetwork.acquire(network);
    if (release !== undefined) return release;
    const longestIdle = this.#findLongestIdle(network);
    if (longestIdle === undefined) return undefined;
    this.#destroy(longestIdle, 'too many');
    this.#remove(longestIdle);
    return ofNetwork.acquire(network);
  }

  #findLongestIdle(network: string): Connection | undefined {
    let found: Connection | undefined;
    for (const connection of this.#open.values()) {
      if (connection.network !== network || connection.tenant !== undefined || connection.unanswered.size > 0) continue;
      if (found === undefined || connection.idleSinceMs < found.idleSinceMs) found = connection;
    }
    return found;
  }

  #remove({ socket, release }: Connection): void {
    if (this.#open.delete(socket)) release();
  }

  #check(): void {
    const nowMs = performance.now();
    const { timeouts, keepAliveTimeoutMs } = this.dependencies;
    const { responseMs, headersMs, idleMs } = timeouts;
    // A request may begin at the end of Node's timeout, which every byte extends.
    const usedIdleMs = keepAliveTimeoutMs + headersMs;
    for (const connection of this.#open.values()) {
      // The response to the upgrade of a WebSocket is closed with the socket.
      const idleForMs = connection.unanswered.size > 0 ? 0 : nowMs - connection.idleSinceMs;
      if (idleForMs >= (connection.isUsed ? usedIdleMs : idleMs)) this.#destroy(connection, 'idle');
      else if (unreadMs(connection, nowMs) >= responseMs) this.#destroy(connection, 'unread');
    }
  }

  #destroy({ socket, address }: Pick<Connection, 'socket' | 'address'>, reason: CloseReason): void {
    this.dependencies.requestLog.writeClosed(reason, address);
    socket.destroy();
  }
}

/** How long the client has not read what was sent to it, in milliseconds. */
function unreadMs({ socket: { bytesWritten, writableLength }, unread }: Connection, nowMs: number): number {
  // `bytesWritten` includes what is buffered.
  if (writableLength === 0 || bytesWritten - writableLength >= unread.untilByte)
    Object.assign(unread, { untilByte: bytesWritten, sinceMs: nowMs });
  return nowMs - unread.sinceMs;
}

/** Closes the responses of a closed connection: Node 20 emits `close` only for the one it was sending. */
function closeAll(responses: Iterable<ServerResponse>): void {
  for (const response of [...responses]) response.destroy().emit('close');
}
