import { useApolloClient } from '@apollo/client/react';
import { useEffect } from 'react';
import { useAnnounce } from './announcer.js';
import type { Connection } from './documents.js';
import { writeConnection } from './documents.js';
import { gateway } from './gateway.js';

/**
 * Follows a connection while DLI is creating it or a binding of it. The cache gets every change, and with it everything
 * that shows it.
 */
export function useFollow({ id, name, isSettled }: Connection): void {
  const { cache } = useApolloClient();
  const announce = useAnnounce();
  useEffect(() => {
    if (isSettled) return undefined;
    const controller = new AbortController();
    const follow = async () => {
      for await (const connection of gateway.follow(id, { signal: controller.signal })) {
        writeConnection(cache, connection);
        const text = connection.isSettled ? describeEnd(connection) : undefined;
        if (text !== undefined) announce(`${name} ${text}`);
      }
    };
    // It ends when the row disappears. What cannot be followed keeps the state that the list has shown.
    takeTurn(follow).catch(() => {});
    return () => controller.abort();
  }, [cache, announce, id, name, isSettled]);
}

/** What became of a connection, after its name. */
function describeEnd(connection: Connection): string | undefined {
  if (connection.__typename === 'ClassicDatasourceConnection') {
    if (connection.state === 'ACTIVE') return 'is active.';
    return connection.state === 'FAILED' ? 'could not be created.' : undefined;
  }
  if (connection.readiness === 'READY') return 'is ready.';
  return connection.bindings.some(({ failure }) => failure !== null) ? 'could not be bound to everything.' : undefined;
}

// Without HTTP/2 a browser holds six connections to a server, of all its tabs together, and every stream takes one.
const MAX_STREAMS = 2;

let streams = 0;
const waiting: (() => void)[] = [];

/** Runs a task when less than {@link MAX_STREAMS} others are running. */
async function takeTurn(task: () => Promise<void>): Promise<void> {
  if (streams < MAX_STREAMS) streams += 1;
  else await new Promise<void>(resolve => waiting.push(resolve));
  try {
    await task();
  } finally {
    const next = waiting.shift();
    if (next === undefined) streams -= 1;
    else next();
  }
}
