import type { Redis } from 'ioredis';
import { closedPort } from '../../helpers/listening-server.js';
import { eventually, openClient, PREFIX } from '../../helpers/redis-access.js';
import type { RedisServer } from '../../helpers/redis-server.js';
import { startRedisServer } from '../../helpers/redis-server.js';

const SLOT_RANGES = [
  [0, 5_460],
  [5_461, 10_922],
  [10_923, 16_383],
] as const;

/** One node of a cluster, with a client for direct access to it. */
interface ClusterNode {
  server: RedisServer;
  client: Redis;
  id: string;
}

/** A cluster of three masters, and a replica of the one that holds the operation records. */
export interface RedisCluster {
  /** The master that holds the records, and its replica. */
  holder: ClusterNode;
  replica: ClusterNode;
  /** The other masters. */
  others: readonly [ClusterNode, ClusterNode];
  /** The slot of the records. */
  slot: number;
  /** The URL for the gateway; by default with the two nodes that do not hold the records. */
  url(nodes?: readonly ClusterNode[]): string;
  /** Kills the old master, then makes the replica the master. */
  failOver(): Promise<void>;
  /** Moves the slot of the records to another master. */
  moveSlot(target: ClusterNode): Promise<void>;
}

/** Starts a cluster and waits until all nodes agree. */
export async function startRedisCluster(program: string): Promise<RedisCluster> {
  const [one, two, three, replica] = await Promise.all([1, 2, 3, 4].map(() => startNode(program)));
  if (one === undefined || two === undefined || three === undefined || replica === undefined)
    throw new Error('no node');
  const masters = [one, two, three];
  const all = [...masters, replica];
  for (const [index, [first, last]] of SLOT_RANGES.entries())
    await masters[index]?.client.cluster('ADDSLOTSRANGE', first, last);
  // Each node gets its own epoch; otherwise they would first have to resolve the conflict.
  for (const [index, { client }] of all.entries()) await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  for (const { server, busPort } of all.slice(1))
    await one.client.call('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort);
  const slot = await one.client.cluster('KEYSLOT', `${PREFIX}secret`);
  const holder = masters[SLOT_RANGES.findIndex(([, last]) => slot <= last)];
  if (holder === undefined) throw new Error('no holder');
  await eventually(() => replica.client.cluster('REPLICATE', holder.id));
  await eventually(async () => {
    const infos = await Promise.all(all.map(({ client }) => client.cluster('INFO')));
    const isAgreed = infos.every(info => /cluster_state:ok/.test(info) && /cluster_known_nodes:4/.test(info));
    if (!isAgreed || !/master_link_status:up/.test(await replica.client.info('replication')))
      throw new Error('not agreed yet');
  });
  const [other, another] = masters.filter(node => node !== holder);
  if (other === undefined || another === undefined) throw new Error('no others');
  return {
    holder,
    replica,
    others: [other, another],
    slot,
    url: (nodes = [other, another]) =>
      `redis-cluster://${nodes.map(({ server }) => `127.0.0.1:${server.port}`).join(',')}`,
    async failOver() {
      await holder.server.kill();
      await replica.client.cluster('FAILOVER', 'TAKEOVER');
    },
    async moveSlot(target) {
      await target.client.cluster('SETSLOT', slot, 'IMPORTING', holder.id);
      await holder.client.cluster('SETSLOT', slot, 'MIGRATING', target.id);
      const keys = await holder.client.cluster('GETKEYSINSLOT', slot, 1_000);
      if (keys.length > 0)
        await holder.client.call('MIGRATE', '127.0.0.1', target.server.port, '', 0, 30_000, 'KEYS', ...keys);
      for (const { client } of [target, holder]) await client.cluster('SETSLOT', slot, 'NODE', target.id);
    },
  };
}

async function startNode(program: string): Promise<ClusterNode & { busPort: number }> {
  // Another process may take a port before Redis does.
  for (let attempt = 1; ; attempt += 1) {
    try {
      const busPort = await closedPort();
      const server = await startRedisServer(program, {
        arguments: [
          ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '15000'],
          ...['--repl-diskless-sync-delay', '0'],
        ],
      });
      const client = openClient(server.url);
      return { server, client, busPort, id: await client.cluster('MYID') };
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}
