import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { createClient } from 'dli-gateway-client';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { Stack } from './helpers/stack.js';
import { startStack } from './helpers/stack.js';

const query = 'subscription ($id: ID!) { datasourceConnection(id: $id) { state } }';

let stack: Stack;
before(async () => {
  stack = await startStack();
});

/** A connection that is being created until `activate` is called. */
async function addCreating() {
  const [id = ''] = await stack.seed({ state: 'CREATING' });
  // Replaces the connection.
  return { id, activate: () => stack.seed({ connectionId: id, state: 'ACTIVE' }) };
}

type Event = { data?: { datasourceConnection: { state: string } | null } | null };

async function statesOf(events: AsyncIterable<Event>, onFirst: () => Promise<void>): Promise<(string | undefined)[]> {
  const states: (string | undefined)[] = [];
  for await (const { data } of events) {
    states.push(data?.datasourceConnection?.state);
    if (states.length === 1) await onFirst();
  }
  return [...new Set(states)];
}

it('follows a connection with graphql-sse and with graphql-ws', async () => {
  const { id, activate } = await addCreating();
  const request = { query, variables: { id } };
  const webSocket = createWsClient({ url: stack.url.replace('http', 'ws'), webSocketImpl: WebSocket });
  const clients = [createSseClient({ url: stack.url }), webSocket];
  let waiting = clients.length;
  const onFirst = async () => {
    waiting -= 1;
    if (waiting === 0) await activate();
  };
  const followed = clients.map(client => statesOf(client.iterate(request) as AsyncIterable<Event>, onFirst));
  assert.deepEqual(await Promise.all(followed), [
    ['CREATING', 'ACTIVE'],
    ['CREATING', 'ACTIVE'],
  ]);
  await webSocket.dispose();
});

it('follows a connection with follow(), even if the gateway is killed and restarted', async () => {
  const client = createClient({ url: stack.url });
  const { id, activate } = await addCreating();
  const states: string[] = [];
  for await (const { state } of client.follow(id)) {
    states.push(state);
    if (states.length > 1) continue;
    await stack.restart();
    await activate();
  }
  assert.deepEqual([states.at(0), states.at(-1)], ['CREATING', 'ACTIVE']);
});
