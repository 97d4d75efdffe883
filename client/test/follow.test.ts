import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { createClient } from 'dli-gateway-client';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { Stack } from './helpers/stack.js';
import { startStack } from './helpers/stack.js';

const query = 'subscription ($id: ID!) { datasourceConnection(id: $id) { state } }';

/** Long enough to see the first state on a slow machine. */
const CREATION_MS = 3_000;

let stack: Stack;
before(async () => {
  stack = await startStack();
});

/** A connection that becomes active after a while. */
async function addCreating(): Promise<string> {
  await stack.settings({ creationMs: CREATION_MS });
  const [id = ''] = await stack.seed({ state: undefined });
  return id;
}

type Event = { data?: { datasourceConnection: { state: string } | null } | null };

async function statesOf(events: AsyncIterable<Event>): Promise<(string | undefined)[]> {
  const states: (string | undefined)[] = [];
  for await (const { data } of events) states.push(data?.datasourceConnection?.state);
  return [...new Set(states)];
}

it('follows a connection with graphql-sse and with graphql-ws', async () => {
  const request = { query, variables: { id: await addCreating() } };
  const webSocket = createWsClient({ url: stack.url.replace('http', 'ws'), webSocketImpl: WebSocket });
  const clients = [createSseClient({ url: stack.url }), webSocket];
  const followed = clients.map(client => statesOf(client.iterate(request) as AsyncIterable<Event>));
  assert.deepEqual(await Promise.all(followed), [
    ['CREATING', 'ACTIVE'],
    ['CREATING', 'ACTIVE'],
  ]);
  await webSocket.dispose();
});

it('follows a connection with follow(), even if the gateway is killed and restarted', async () => {
  const client = createClient({ url: stack.url });
  const id = await addCreating();
  const states: string[] = [];
  for await (const { state } of client.follow(id)) {
    states.push(state);
    if (states.length > 1) continue;
    await stack.restart();
  }
  assert.deepEqual([states.at(0), states.at(-1)], ['CREATING', 'ACTIVE']);
});
