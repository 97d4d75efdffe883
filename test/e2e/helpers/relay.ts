import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { listen } from '../../helpers/listening-server.js';

/** An address that stays the same for whoever calls it, while the gateway behind it comes and goes. */
export interface Relay {
  /** The address of GraphQL. */
  url: string;
  /** Passes new connections on to a gateway; without one they are ended. */
  leadTo(graphqlUrl: string | undefined): void;
}

/** Starts such an address, behind which there is nothing yet; it ends after the test. */
export async function startRelay(): Promise<Relay> {
  let port: number | undefined;
  const server = createServer(caller => {
    if (port === undefined) {
      caller.destroy();
      return;
    }
    const gateway = connect(port, '127.0.0.1');
    endTogether(caller, gateway);
    caller.pipe(gateway).pipe(caller);
  });
  const { host } = await listen(server);
  return {
    url: `http://${host}/graphql`,
    leadTo(graphqlUrl) {
      port = graphqlUrl === undefined ? undefined : Number(new URL(graphqlUrl).port);
    },
  };
}

function endTogether(one: Socket, other: Socket): void {
  for (const socket of [one, other]) socket.on('error', () => socket.destroy());
  one.once('close', () => other.destroy());
  other.once('close', () => one.destroy());
}
