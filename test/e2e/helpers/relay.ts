import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { listen } from '../../helpers/listening-server.js';

/** A TCP relay whose address stays the same while the gateway behind it is replaced. */
export interface Relay {
  /** The GraphQL endpoint. */
  url: string;
  /** Forwards new connections to a gateway; undefined closes them. */
  forwardTo(graphqlUrl: string | undefined): void;
}

/** Starts a relay without a gateway; it stops after the test. */
export async function startRelay(): Promise<Relay> {
  let port: number | undefined;
  const server = createServer(caller => {
    if (port === undefined) {
      caller.destroy();
      return;
    }
    const gateway = connect(port, '127.0.0.1');
    closeTogether(caller, gateway);
    caller.pipe(gateway).pipe(caller);
  });
  const { host } = await listen(server);
  return {
    url: `http://${host}/graphql`,
    forwardTo(graphqlUrl) {
      port = graphqlUrl === undefined ? undefined : Number(new URL(graphqlUrl).port);
    },
  };
}

function closeTogether(one: Socket, other: Socket): void {
  for (const socket of [one, other]) socket.on('error', () => socket.destroy());
  one.once('close', () => other.destroy());
  other.once('close', () => one.destroy());
}
