import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { eventually, openClient } from '../helpers/redis-access.js';
import { startRedisServer } from '../helpers/redis-server.js';
import { describeWithProgram } from '../helpers/required-program.js';
import { createSecretFolder } from '../helpers/secret-folder.js';

const REPLACED = 'credentials replaced';
/** One each for records, counters, leases and messages. */
const CONNECTIONS = 4;
const BETWEEN_CREATES_MS = 20;
const SUCCESS = 'CreateDatasourceConnectionSuccess';

afterEach(closeGateways);

describeWithProgram('redis-server', 'the file of REDIS_URL', program => {
  async function startWithFile() {
    const redis = await startRedisServer(program);
    const admin = openClient(redis.url);
    await admin.call('ACL', 'SETUSER', 'gateway', 'on', '>first', '~*', '&*', '+@all');
    const urlWith = (password: string) => redis.url.replace('//', `//gateway:${password}@`);
    const secrets = createSecretFolder({ REDIS_URL: urlWith('first') });
    const gateway = await startGateway({ env: { ...secrets.env, RATE_LIMIT_CREATES_PER_SECOND: '1000' } });
    let creates = 0;
    async function create() {
      creates += 1;
      return (await gateway.create({ name: `orders_${creates}` })).__typename;
    }
    const rotate = (text: string) => secrets.swap({ REDIS_URL: text });
    /** Removes a password and closes the connections of the gateway. */
    async function revoke(password: string) {
      await admin.call('ACL', 'SETUSER', 'gateway', `<${password}`);
      await admin.call('CLIENT', 'KILL', 'USER', 'gateway');
    }
    /** The number of connections of the gateway. */
    const connections = async () => String(await admin.call('CLIENT', 'LIST')).match(/user=gateway/g)?.length;
    return { admin, urlWith, gateway, create, rotate, revoke, connections };
  }

  it('is followed: a new password is used for new connections, and no create fails while both are valid', async () => {
    const { admin, urlWith, gateway, create, rotate, revoke, connections } = await startWithFile();
    await eventually(async () => expect(await connections()).toBe(CONNECTIONS));
    await admin.call('ACL', 'SETUSER', 'gateway', '>second');
    rotate(urlWith('second'));
    const types = new Set<string>();
    const replaced = gateway.logged(REPLACED);
    let isReplaced = false;
    void replaced.then(() => {
      isReplaced = true;
    });
    while (!isReplaced) {
      types.add(await create());
      await delay(BETWEEN_CREATES_MS);
    }
    expect([...types]).toEqual([SUCCESS]);

    await revoke('first');
    await eventually(async () => expect(await create()).toBe(SUCCESS));
    await eventually(async () => expect(await connections()).toBe(CONNECTIONS));
    expect(gateway.log()).not.toMatch(/first|second/);
  });

  it('changes nothing while Redis refuses its password, which is logged once', async () => {
    const { admin, urlWith, gateway, create, rotate, revoke } = await startWithFile();
    rotate(urlWith('third'));
    await gateway.logged('new credentials cannot be proven at the moment: the last ones stay in use');
    await admin.call('CLIENT', 'KILL', 'USER', 'gateway');
    await eventually(async () => expect(await create()).toBe(SUCCESS));
    expect(gateway.log().match(/cannot be proven at the moment/g)).toHaveLength(1);

    await admin.call('ACL', 'SETUSER', 'gateway', '>third');
    await gateway.logged(REPLACED);
    await revoke('first');
    await eventually(async () => expect(await create()).toBe(SUCCESS));
    expect(gateway.log()).not.toMatch(/first|third/);
  });

  it('cannot change the server, which needs a restart', async () => {
    const { urlWith, gateway, create, rotate } = await startWithFile();
    rotate(`${urlWith('first')}/1`);
    await gateway.logged('only the user and the password of REDIS_URL can change without a restart');
    expect(await create()).toBe(SUCCESS);
    rotate('redis://wrong address');
    await gateway.logged('a credential file cannot be used');
    expect(await create()).toBe(SUCCESS);
  });
});
