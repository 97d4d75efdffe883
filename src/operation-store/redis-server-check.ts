import type { Redis } from 'ioredis';
import type { RedisClients } from '../lib/redis-client.js';
import { explainRefusal, isReplyError } from '../lib/redis-errors.js';
import { KEYS, PROBE } from './redis-scripts.js';

// The server is up but not ready yet.
const TRANSIENT = /LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|max number of clients/;
const REFUSED = /WRONGPASS|NOAUTH|invalid password|invalid username-password/;

/**
 * Why this server must not or cannot keep the records: it may evict keys, or refuses the credentials or the commands.
 *
 * @returns undefined when it may be used; otherwise a sentence
 * @throws what the connection throws when the server cannot answer now
 */
export async function findServerProblem(client: Redis, clients: RedisClients): Promise<string | undefined> {
  try {
    return (
      policyProblem((await readConfig(client)) ?? (await readInfo(client))) ?? (await rightsProblem(client, clients))
    );
  } catch (error) {
    if (!isReplyError(error) || !REFUSED.test(error.message)) throw error;
    return 'Redis refuses the user name or the password.';
  }
}

// Found here instead of by the first create, which would be refused.
async function rightsProblem(client: Redis, clients: RedisClients): Promise<string | undefined> {
  try {
    await client.eval(PROBE, 2, KEYS.probe, KEYS.probeIndex);
  } catch (error) {
    // A full Redis, for example, still answers reads.
    if (!isReplyError(error) || TRANSIENT.test(error.message) || clients.hasMoved(error)) throw error;
    return explainRefusal(error, PROBE);
  }
  return undefined;
}

function policyProblem(policy: string | undefined): string | undefined {
  if (policy === 'noeviction') return undefined;
  if (policy !== undefined)
    return (
      `maxmemory-policy of this Redis is "${policy}" and must be "noeviction": ` +
      'it could drop the record of a create that is under way, which a repeat would then send again.'
    );
  return (
    'maxmemory-policy of this Redis cannot be read; it must be "noeviction". To confirm it, allow ' +
    'the user of the gateway one of the commands CONFIG GET (ACL: +config|get) and INFO (ACL: +info).'
  );
}

async function readConfig(client: Redis): Promise<string | undefined> {
  const reply = await orForbidden(client.config('GET', 'maxmemory-policy'));
  const value: unknown = Array.isArray(reply) ? reply[1] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

// Managed services forbid CONFIG and show the policy here.
async function readInfo(client: Redis): Promise<string | undefined> {
  const reply = await orForbidden(client.info('memory'));
  return /^maxmemory_policy:(\S+)/m.exec(reply ?? '')?.[1];
}

async function orForbidden<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (isReplyError(error) && !TRANSIENT.test(error.message) && !REFUSED.test(error.message)) return undefined;
    throw error;
  }
}
