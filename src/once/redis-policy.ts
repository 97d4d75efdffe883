import type { Redis } from 'ioredis';
import { ReplyError } from 'ioredis';

// The server is there but cannot say yet.
const TRANSIENT = /LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|max number of clients/;
const REFUSED = /WRONGPASS|NOAUTH|invalid password|invalid username-password/;

/**
 * Why this server must not keep the records: it may throw away what it is given, or does not let us in.
 *
 * @returns undefined when it may be used; otherwise a sentence that names the setting
 * @throws what the connection throws when the server cannot answer now
 */
export async function findServerProblem(client: Redis): Promise<string | undefined> {
  try {
    return policyProblem((await readConfig(client)) ?? (await readInfo(client)));
  } catch (error) {
    if (!isReplyError(error) || !REFUSED.test(error.message)) throw error;
    return 'REDIS_URL: Redis refuses the user name or the password.';
  }
}

function policyProblem(policy: string | undefined): string | undefined {
  if (policy === 'noeviction') return undefined;
  if (policy !== undefined)
    return (
      `REDIS_URL: maxmemory-policy of this Redis is "${policy}" and must be "noeviction": ` +
      'it could drop the record of a create that is under way, which a repeat would then send again.'
    );
  return (
    'REDIS_URL: maxmemory-policy of this Redis cannot be read; it must be "noeviction". To confirm it, allow ' +
    'the user of the gateway one of the commands CONFIG GET (ACL: +config|get) and INFO (ACL: +info).'
  );
}

async function readConfig(client: Redis): Promise<string | undefined> {
  const answer = await orForbidden(client.config('GET', 'maxmemory-policy'));
  const value: unknown = Array.isArray(answer) ? answer[1] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

// Managed services forbid CONFIG and show the policy here.
async function readInfo(client: Redis): Promise<string | undefined> {
  const answer = await orForbidden(client.info('memory'));
  return /^maxmemory_policy:(\S+)/m.exec(answer ?? '')?.[1];
}

async function orForbidden<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isReplyError(error) && !TRANSIENT.test(error.message) && !REFUSED.test(error.message))
      return undefined;
    throw error;
  }
}

/** Whether Redis itself said no, instead of the connection. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof ReplyError && error instanceof Error;
}
