import { expect, it } from '@jest/globals';
import { readDocument } from '../helpers/documents.js';
import { connect, openClient, PREFIX, shareRedisServer } from '../helpers/redis-access.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { BEGUN, makeRecord, succeeded } from './helpers/operation-store-contract.js';
import type { HealthLine } from './helpers/store-health.js';
import { createStoreHealth } from './helpers/store-health.js';
import { startUsedGateway, waitForParts } from './helpers/used-gateway.js';

const NOW_MS = Date.now();
const [, ACL = ''] = /^ACL (SETUSER gateway .*)$/m.exec(readDocument('docs/operation-records.md')) ?? [];
const COMMANDS = [...ACL.matchAll(/\+([a-z]+)/g)].map(([, name = '']) => name);
/** Commands that the store does not use or, like INFO, does not need to start. */
const OF_OTHERS = ['evalsha', 'multi', 'exec', 'expire', 'pttl', 'incrby', 'publish', 'subscribe', 'info'];

describeWithProgram('redis-server', 'a user of Redis with the rights in the documentation', program => {
  const shared = shareRedisServer(program);

  async function startWithUser() {
    const { server, admin } = shared();
    await admin.call('ACL', ...ACL.split(' '));
    return { admin, url: server.url.replace('//', '//gateway:password@') };
  }

  it('can do everything: records, counters and leases', async () => {
    const { url, admin } = await startWithUser();
    const gateway = await startUsedGateway(url);
    await waitForParts([admin]);
    expect(gateway.log()).not.toMatch(/"level":[45]0/);
    const refused = (await admin.call('ACL', 'LOG')) as string[][];
    // CONFIG GET is refused, so the policy is read with INFO.
    expect(refused.map(entry => entry[entry.indexOf('object') + 1])).toEqual(['config|get']);

    const lines: HealthLine[] = [];
    const store = await connect(url, createStoreHealth(lines));
    const record = makeRecord();
    await expect(store.begin(record, NOW_MS)).resolves.toEqual(BEGUN);
    await store.takeOver(record, 'another', NOW_MS + 1_000);
    await store.replace(succeeded({ ...record, owner: 'another' }));
    await store.claimConnection('c', record, { nowMs: NOW_MS, expiresAtMs: NOW_MS + 1_000 });
    await store.noteDeletion(record.id, { expiresAtMs: NOW_MS + 60_000 });
    await store.hasDeletion(record.id, NOW_MS);
    await store.hasAbandoned(NOW_MS);
    await store.findAbandoned('project', NOW_MS);
    await store.findOpen(NOW_MS);
    await store.remove({ id: record.id, owner: 'another' });
    expect(lines).toEqual([]);
  });

  it.each(COMMANDS.filter(name => !OF_OTHERS.includes(name)))('is refused at the start without %s', async name => {
    const { url, admin } = await startWithUser();
    await admin.call('ACL', 'SETUSER', 'gateway', `-${name}`);
    await expect(connect(url)).rejects.toThrow(
      `REDIS_URL: Redis does not allow its user the command ${name.toUpperCase()}; docs/operation-records.md shows the ACL.`,
    );
  });

  it('is refused at the start without the keys', async () => {
    const { url, admin } = await startWithUser();
    await admin.call('ACL', 'SETUSER', 'gateway', 'resetkeys', '~other:*');
    await expect(connect(url)).rejects.toThrow('Redis does not allow its user keys that begin with dli-gateway:');
  });

  it('makes the records unavailable while it lacks a command, and the log names the command', async () => {
    const { url, admin } = await startWithUser();
    const lines: HealthLine[] = [];
    const health = createStoreHealth(lines);
    const store = await connect(url, health);
    // Waits until the first scripts of the connection have ended.
    while (!health.isUp) await admin.ping();
    await admin.call('ACL', 'SETUSER', 'gateway', '-zadd');
    await expect(store.begin(makeRecord(), NOW_MS)).rejects.toThrow();
    expect(health.isUp).toBe(false);
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringContaining('the command ZADD;')]);
    await admin.call('ACL', 'SETUSER', 'gateway', '+zadd');
    while (!health.isUp) await admin.ping();
    await expect(store.begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
  });

  it.each([
    ['incrby', 'every gateway counts its callers alone', /SET or INCRBY or PTTL or EXPIRE/],
    ['publish', 'every gateway polls alone', /the command PUBLISH/],
    ['subscribe', 'every gateway polls alone', /the command SUBSCRIBE/],
  ])('makes each gateway count or poll alone without %s, which the log names', async (name, message, reason) => {
    const { url, admin } = await startWithUser();
    await admin.call('ACL', 'SETUSER', 'gateway', `-${name}`);
    const gateway = await startUsedGateway(url);
    await gateway.logged(message);
    const lines = gateway
      .log()
      .split('\n')
      .filter(line => line.includes(message));
    expect(lines[0]).toMatch(reason);
    expect(gateway.log()).not.toContain('password@');
  });
});

describeWithProgram('redis-server', 'RedisStore.connect with a user or a password', program => {
  const shared = shareRedisServer(program);

  it.each([
    ['+@all -config', 'noeviction', undefined],
    ['+@all -config', 'allkeys-lru', /is "allkeys-lru" and must be/],
    ['+@all -config -info', 'noeviction', /cannot be read; .* CONFIG GET .* INFO/],
  ])('reads the eviction policy as far as the user is allowed to: %s, %s', async (rights, policy, problem) => {
    const { server, admin } = shared();
    await admin.config('SET', 'maxmemory-policy', policy);
    const user = ['SETUSER', 'gateway', 'on', '>hushed', '~*', '&*', ...rights.split(' ')];
    await admin.call('ACL', ...user);
    const connected = connect(`redis://gateway:hushed@127.0.0.1:${server.port}`);
    if (problem !== undefined) await expect(connected).rejects.toThrow(problem);
    else await expect((await connected).begin(makeRecord(), NOW_MS)).resolves.toEqual(BEGUN);
  });

  it.each(['redis://:hushed@', 'redis://gateway:hushed@', 'redis://'])(
    'reports a refused password without printing it: %s',
    async start => {
      const { server, admin } = shared();
      await admin.config('SET', 'requirepass', 'another');
      const error = await connect(`${start}127.0.0.1:${server.port}`).catch((reason: unknown) => reason);
      expect(error).toEqual(new Error('REDIS_URL: Redis refuses the user name or the password.'));
    },
  );

  it('accepts a password with escaped characters and a database number', async () => {
    const { server, admin } = shared();
    await admin.config('SET', 'requirepass', 'a/b@c%');
    const url = `redis://:a%2Fb%40c%25@127.0.0.1:${server.port}/3`;
    const store = await connect(url);
    await store.secret();
    const keys = await openClient(url).keys('*');
    expect(keys.toSorted()).toEqual([`${PREFIX}secret`, `${PREFIX}server`]);
  });
});
