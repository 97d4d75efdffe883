import { useApolloClient } from '@apollo/client/react';
import { DatasourceConnectionFieldsFragmentDoc as FIELDS } from 'dli-gateway-client';
import { useEffect } from 'react';
import { useAnnounce } from './announcer.js';
import type { Connection } from './documents.js';
import { gateway } from './gateway.js';

/** Follows a connection while DLI is creating it. The cache gets every change, and with it everything that shows it. */
export function useFollow({ id, name, state }: Connection): void {
  const { cache } = useApolloClient();
  const announce = useAnnounce();
  const isFollowed = state === 'CREATING';
  useEffect(() => {
    if (!isFollowed) return undefined;
    const controller = new AbortController();
    const follow = async () => {
      for await (const connection of gateway.follow(id, { signal: controller.signal })) {
        cache.writeFragment({ fragment: FIELDS, fragmentName: 'DatasourceConnectionFields', data: connection });
        if (connection.state === 'ACTIVE') announce(`${name} is active.`);
        if (connection.state === 'FAILED') announce(`The creation of ${name} has failed.`);
      }
    };
    // It ends when the row disappears. What cannot be followed keeps the state that the list has shown.
    takeTurn(follow).catch(() => {});
    return () => controller.abort();
  }, [cache, announce, id, name, isFollowed]);
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
