import { ReplyError } from 'ioredis';

/** Whether Redis itself refused the command; otherwise the connection failed. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof ReplyError && error instanceof Error;
}

/** The commands of the gateway, those of its scripts included. Nothing else of an error is ever logged. */
const COMMANDS: ReadonlySet<string> = new Set([
  ...['EVAL', 'EVALSHA', 'MULTI', 'EXEC', 'CONFIG', 'INFO', 'SELECT', 'PUBLISH', 'SUBSCRIBE'],
  ...['GET', 'SET', 'DEL', 'EXISTS', 'EXPIRE', 'PEXPIREAT', 'PTTL', 'INCRBY', 'ZADD', 'ZREM', 'ZRANGEBYSCORE'],
]);
/** The script of rate-limiter-flexible is one line, so the error does not say which of its commands it is. */
const LIMITER_COMMANDS = ['SET', 'INCRBY', 'PTTL', 'EXPIRE'];

/**
 * Why Redis refuses a command: by its ACL, or because another node of a cluster has the key.
 *
 * @param script the Lua script that failed
 * @returns a sentence without arguments, names and addresses; undefined for other errors
 */
export function explainRefusal({ message }: Error, script = ''): string | undefined {
  if (message.startsWith('MOVED '))
    return 'this Redis is a cluster and another node has the data: use redis-cluster:// with several of its nodes.';
  // Scripts get different messages from callers, and each version of Redis has its own.
  if (!/NOPERM|can't run this command|can't access|can't publish|ACL failure/.test(message)) return undefined;
  const [, name = ''] = /'([a-z]+)[a-z|-]*' command/i.exec(message) ?? [];
  const [, line = '0'] = /user_script: ?(\d+)/.exec(message) ?? [];
  const inScript = [...(script.split('\n')[Number(line) - 1] ?? '').matchAll(/redis\.p?call\('([A-Z]+)'/g)];
  const named = name === '' ? inScript.map(([, command = '']) => command) : [name.toUpperCase()];
  const commands = named.length > 0 ? named : LIMITER_COMMANDS;
  let subject = `the command ${commands.filter(command => COMMANDS.has(command)).join(' or ')}`;
  if (name === '' && /\bkeys?\b/.test(message)) subject = 'keys that begin with dli-gateway:';
  if (name === '' && /\bchannels?\b/.test(message)) subject = 'channels that begin with dli-gateway:';
  return `Redis does not allow its user ${subject}; docs/operation-records.md shows the ACL.`;
}

/** What is wrong with the Sentinel configuration, according to an error of ioredis; undefined for other errors. */
export function explainSentinelError({ message }: Error): string | undefined {
  if (!message.startsWith('All sentinels are unreachable')) return undefined;
  if (/NOAUTH|WRONGPASS|NOPERM/.test(message)) return 'the Sentinels refuse the password (REDIS_SENTINEL_PASSWORD).';
  // Without a last error, they answered but gave no address.
  const isUnknown = message.includes('No such master') || !message.includes('Last error');
  return isUnknown ? 'the Sentinels do not know a master of this name.' : undefined;
}
