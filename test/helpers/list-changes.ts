import type { TestGateway } from './gateway.js';
import type { SubscriptionEvent, Transport } from './subscribers.js';
import { nextOf, openSubscriber, subscribe, WATCH } from './subscribers.js';
import type { TokenGateway } from './token-gateway.js';
import { bearer } from './token-gateway.js';

/** Watches the list. */
export const WATCH_LIST = `subscription ($filter: DatasourceConnectionFilter) {
  datasourceConnections(filter: $filter) { kind connection { id name state } }
}`;

/** A change in a GraphQL response. */
export interface ShownChange {
  kind: string;
  connection: { id: string; name: string; state: string };
}

/** Watches the list, and waits until the gateway has read the baseline of the first changes. */
export async function watchList(
  { graphqlUrl, emulator }: Pick<TestGateway, 'graphqlUrl' | 'emulator'>,
  {
    filter,
    transport = 'graphql-ws',
    token,
  }: { filter?: Record<string, unknown>; transport?: Transport; token?: string } = {},
): Promise<AsyncIterator<SubscriptionEvent>> {
  const reads = emulator.ledger.count('listConnections');
  const events = subscribe(transport, graphqlUrl, { query: WATCH_LIST, variables: { filter } }, token);
  // Clients subscribe when the first event is requested.
  const first = events.next();
  await emulator.ledger.waitFor('listConnections', reads + 1);
  let isFirst = true;
  return {
    next: () => {
      const event = isFirst ? first : events.next();
      isFirst = false;
      return event;
    },
    return: async () => {
      first.catch(() => undefined);
      return (await events.return?.()) ?? { done: true, value: undefined };
    },
  };
}

/** The next change, as `ADDED name STATE`. */
export async function nextChange(events: AsyncIterator<SubscriptionEvent>): Promise<string> {
  return textOf(changeIn(await nextOf(events)));
}

/** Watches the list as the caller with this token, who then creates `orders`, and returns the change. */
export async function nextChangeAfterCreate(gateway: TokenGateway, token = ''): Promise<string> {
  // The list is cached, so no call shows that the first watch has started; the end of the second one shows it.
  const { sendMessage, nextMessage } = await openSubscriber(gateway.graphqlUrl, bearer(token));
  sendMessage({ type: 'subscribe', id: 'a', payload: { query: WATCH_LIST } });
  sendMessage({ type: 'subscribe', id: 'b', payload: { query: WATCH, variables: { id: 'none' } } });
  while ((await nextMessage()).type !== 'complete');
  // Reads of the list are at least a second apart.
  gateway.clock.advance(1_000);
  await gateway.createAs(token, { name: 'orders' });
  const { payload } = await nextMessage();
  return textOf(changeIn(payload as SubscriptionEvent));
}

function textOf({ kind, connection }: ShownChange): string {
  return `${kind} ${connection.name} ${connection.state}`;
}

/** The change in an event. */
function changeIn(event: SubscriptionEvent): ShownChange {
  const change = (event.data as { datasourceConnections?: ShownChange } | null | undefined)?.datasourceConnections;
  if (change === undefined) throw new Error(`No change: ${JSON.stringify(event)}`);
  return change;
}
