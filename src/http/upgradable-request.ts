import { IncomingMessage } from 'node:http';

/**
 * A request that leaves HTTP only for a WebSocket.
 *
 * Without it Node would hand over the socket of every request with an `Upgrade` header, unread, as soon as the server
 * serves WebSockets; and Java's HTTP client, for one, sends `Upgrade: h2c` with its first request. A server may ignore
 * what it does not know (RFC 9110, section 7.8).
 */
export class UpgradableRequest extends IncomingMessage {
  // Not a `#` field: Node's constructor sets `upgrade` before this class has any.
  private asksForUpgrade = false;

  /** Node sets this while it reads the message, and asks for it when the headers are known. */
  get upgrade(): boolean {
    if (!this.asksForUpgrade || this.method === 'CONNECT') return this.asksForUpgrade;
    return this.method === 'GET' && this.headers.upgrade?.toLowerCase() === 'websocket';
  }

  set upgrade(asked: boolean) {
    this.asksForUpgrade = asked;
  }
}
