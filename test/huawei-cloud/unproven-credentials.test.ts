import { afterEach, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/emulator/emulator.js';
import type { TestGatewayOptions } from '../helpers/gateway.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { linesWith } from '../helpers/log-lines.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { readSamples } from '../helpers/samples.js';
import { createSecretFolder } from '../helpers/secret-folder.js';
import type { EmulatorUser } from './helpers/rotation.js';
import {
  AK,
  createSome,
  createUntil,
  FIRST,
  filesOf,
  NO_KEY,
  REFUSED,
  REPLACED,
  SECOND,
  SK,
  SUCCESS,
  typesOf,
  UNPROVEN,
  USER,
} from './helpers/rotation.js';

afterEach(closeGateways);

const MINUTE_MS = 60_000;
// Keeps tests from waiting for a second.
const limits = { credentialPollMs: 20 };

describe('a new key pair', () => {
  const WRONG = { accessKey: SECOND.accessKey, secretKey: 'wrong-secret-key' };

  /** A gateway that has created a connection with the first pair; the emulator knows both pairs. */
  async function startRotatable({ clock }: Pick<TestGatewayOptions, 'clock'> = {}) {
    const accessKeys = [FIRST, SECOND];
    const secrets = createSecretFolder(filesOf(FIRST));
    const emulator = { accessKeys, ...(clock && { now: () => clock.epochMs() }) };
    const gateway = await startGateway({
      ...(clock && { clock }),
      limits,
      env: { ...NO_KEY, ...secrets.env },
      emulator,
    });
    expect(typesOf(await createSome(gateway, 1))).toEqual([SUCCESS]);
    const refusals = () => gateway.emulator.ledger.entries().filter(({ authenticated }) => !authenticated);
    return { accessKeys, secrets, gateway, refusals };
  }

  it('that is wrong is tried once, and the previous pair stays in use, with a single warning', async () => {
    const { secrets, gateway, refusals } = await startRotatable();
    secrets.swap(filesOf(WRONG));
    const { payloads } = await createUntil(gateway, REFUSED);
    secrets.swap(filesOf(SECOND));
    const { payloads: later } = await createUntil(gateway, REPLACED);

    expect(typesOf([...payloads, ...later, ...(await createSome(gateway, 4))])).toEqual([SUCCESS]);
    expect(refusals().map(({ operation }) => operation)).toEqual(['listQueues']);
    expect(gateway.log().split(REFUSED)).toHaveLength(2);
    expect(gateway.log()).not.toMatch(/secret-key|ACCESSKEY/);
    const proofs = linesWith(gateway.log(), 'upstream', { operation: 'listQueues' });
    expect(proofs).toMatchObject([{ outcome: 'AUTH_FAILED' }, { outcome: 'OK' }]);
    expect(new Set(proofs.map(({ traceId }) => traceId)).size).toBe(2);
    const samples = await readSamples(gateway.adminUrl);
    const reloads = (result: string) => samples.value(`dli_gateway_credentials_reloads_total{result="${result}"}`);
    expect([reloads('refused'), reloads('adopted')]).toEqual([1, 1]);
  });

  it('that was refused because it is not yet known everywhere is used after 6 minutes', async () => {
    const clock = createManualClock();
    const { accessKeys, secrets, gateway, refusals } = await startRotatable({ clock });
    accessKeys.pop();
    secrets.swap(filesOf(SECOND));
    await gateway.logged(REFUSED);
    clock.advance(6 * MINUTE_MS);
    await gateway.logged(REFUSED, 2);
    accessKeys.push(SECOND);
    clock.advance(6 * MINUTE_MS);
    await gateway.logged(REPLACED);

    expect(refusals()).toHaveLength(2);
    expect(typesOf(await createSome(gateway, 1))).toEqual([SUCCESS]);
  });

  it.each([
    ['DLI', {}],
    ['IAM', { HUAWEICLOUD_SDK_PROJECT_ID: undefined }],
  ])('cannot be proven while %s refuses its signature as expired, but is not refused itself', async (_who, project) => {
    const clock = createManualClock();
    let aheadMs = 20 * MINUTE_MS;
    const secrets = createSecretFolder(filesOf(FIRST));
    const gateway = await startGateway({
      clock,
      limits,
      env: { ...NO_KEY, ...secrets.env, ...project },
      emulator: { accessKeys: [FIRST, SECOND], now: () => clock.epochMs() + aheadMs },
    });
    secrets.swap(filesOf(SECOND));
    await gateway.logged(UNPROVEN);
    aheadMs = 0;
    clock.advance(1_000);
    await gateway.logged(REPLACED);

    expect(gateway.log()).not.toContain(REFUSED);
    expect(typesOf(await createSome(gateway, 1))).toEqual([SUCCESS]);
  });

  it('that was refused is not tried again at once unless its files change', async () => {
    const { secrets, gateway, refusals } = await startRotatable();
    secrets.swap(filesOf(WRONG));
    await gateway.logged(REFUSED);
    secrets.write(AK, 'THIRDACCESSKEY000001');
    await gateway.logged(REFUSED, 2);
    secrets.write(AK, WRONG.accessKey);
    secrets.write(SK, FIRST.secretKey);
    await gateway.logged('only a part of the key pair has changed');

    expect(refusals()).toHaveLength(2);
  });

  it('is proven by another read where DLI does not offer the first one', async () => {
    const accessKeys = [FIRST, SECOND];
    const secrets = createSecretFolder(filesOf(FIRST));
    const gateway = await startGateway({
      limits,
      env: { ...NO_KEY, ...secrets.env },
      emulator: { accessKeys, poolsOffered: false, enhancedOffered: false },
    });
    secrets.swap(filesOf(SECOND));
    await gateway.logged(REPLACED);

    const paths = gateway.emulator.ledger.entries().map(({ operation }) => operation);
    expect(paths.filter(operation => operation !== 'createConnection')).toContain('getConnection');
  });

  it.each<[what: string, fault: Omit<Fault, 'operation'>]>([
    ['DLI forbids the read', { status: 403, body: { error_code: 'DLI.10002', error_msg: 'forbidden' } }],
    ['DLI fails', { status: 500, body: { error_code: 'DLI.0999', error_msg: 'internal' } }],
  ])('is accepted and used if %s', async (_what, fault) => {
    const { secrets, gateway } = await startRotatable();
    gateway.emulator.inject({ operation: 'listQueues', ...fault, times: 0 });
    secrets.swap(filesOf(SECOND));
    await gateway.logged(REPLACED);

    expect(typesOf(await createSome(gateway, 1))).toEqual([SUCCESS]);
  });

  it.each<[what: string, fault: Omit<Fault, 'operation'>]>([
    ['API Gateway forbids the read', { status: 403, body: { error_code: 'APIGW.0302', error_msg: 'forbidden' } }],
    ['something other than DLI answers', { status: 200, body: '<html></html>' }],
    ['API Gateway fails', { status: 500, body: { error_code: 'APIGW.0106', error_msg: 'error' } }],
    ['the connection breaks', { behaviour: 'reset' }],
  ])('cannot be proven while %s, but is tried again and then used', async (_what, fault) => {
    const { secrets, gateway } = await startRotatable();
    gateway.emulator.inject({ operation: 'listQueues', ...fault, times: 2 });
    secrets.swap(filesOf(SECOND));
    const { payloads } = await createUntil(gateway, REPLACED);

    expect(typesOf(payloads)).toEqual([SUCCESS]);
    expect(gateway.log().split(UNPROVEN)).toHaveLength(2);
    expect(gateway.emulator.ledger.count('listQueues')).toBe(3);
  });

  it('that cannot be proven is used without further delay if the previous one is refused', async () => {
    // No time passes, so the next attempt does not become due.
    const { accessKeys, secrets, gateway } = await startRotatable({ clock: createManualClock() });
    gateway.emulator.inject({ operation: 'listQueues', behaviour: 'reset', times: 0 });
    secrets.swap(filesOf(SECOND));
    await gateway.logged(UNPROVEN);
    accessKeys.shift();
    const refused = await createSome(gateway, 1);
    await gateway.logged(REPLACED);

    expect(refused).toMatchObject([{ code: 'UPSTREAM_AUTH_FAILED' }]);
    expect(typesOf(await createSome(gateway, 4))).toEqual([SUCCESS]);
  });

  it('that is wrong is sent to IAM once if the project is not known yet', async () => {
    const secrets = createSecretFolder(filesOf(FIRST));
    const gateway = await startGateway({
      limits,
      env: { ...NO_KEY, ...secrets.env, HUAWEICLOUD_SDK_PROJECT_ID: undefined },
      emulator: { accessKeys: [FIRST] },
    });
    secrets.swap(filesOf(WRONG));
    await gateway.logged(REFUSED);

    expect(typesOf(await createSome(gateway, 4))).toEqual([SUCCESS]);
    expect(gateway.emulator.ledger.entries('listProjects').map(({ status }) => status)).toEqual([401, 200]);
  });

  it('is not tried after three wrong ones in 5 minutes', async () => {
    const { secrets, gateway, refusals } = await startRotatable();
    for (const wrong of [1, 2, 3]) {
      secrets.swap(filesOf({ ...WRONG, secretKey: `wrong-secret-key-${wrong}` }));
      await gateway.logged(REFUSED, wrong);
    }
    secrets.swap(filesOf({ ...WRONG, secretKey: 'wrong-secret-key-4' }));
    await gateway.logged(UNPROVEN);

    expect(refusals()).toHaveLength(3);
  });
});

describe('a new password', () => {
  /** A gateway with the emulator's user, whose password file contains `first password`. */
  async function startWithPassword(users: EmulatorUser[]) {
    const secrets = createSecretFolder({ IAM_PASSWORD: 'first password' });
    const env = { ...NO_KEY, ...secrets.env, IAM_USERNAME: USER.name, IAM_DOMAIN_NAME: USER.domainName };
    return { secrets, gateway: await startGateway({ limits, env, emulator: { users } }) };
  }

  it.each([503, 403, 404])('is tried again while IAM responds with %i; the previous one stays in use', async status => {
    const users: EmulatorUser[] = [{ ...USER, password: 'first password' }];
    const { secrets, gateway } = await startWithPassword(users);
    await createSome(gateway, 1);
    users[0] = { ...USER, password: 'second password' };
    gateway.emulator.inject({ operation: 'issueToken', status, times: 2 });
    secrets.swap({ IAM_PASSWORD: 'second password' });
    const { payloads } = await createUntil(gateway, REPLACED);

    expect(typesOf(payloads)).toEqual([SUCCESS]);
    expect(gateway.log()).toContain(UNPROVEN);
    expect(gateway.emulator.ledger.entries('issueToken').map(({ status }) => status)).toEqual([
      201,
      status,
      status,
      201,
    ]);
  });

  it('is used at once if the previous one was refused', async () => {
    const users: EmulatorUser[] = [{ ...USER, password: 'second password' }];
    const { secrets, gateway } = await startWithPassword(users);
    const refused = await createSome(gateway, 1);
    secrets.swap({ IAM_PASSWORD: 'second password' });
    await gateway.logged(REPLACED);

    expect(refused).toMatchObject([{ code: 'UPSTREAM_AUTH_FAILED' }]);
    expect(typesOf(await createSome(gateway, 4))).toEqual([SUCCESS]);
    expect(gateway.emulator.ledger.entries('issueToken').map(({ status }) => status)).toEqual([401, 201]);
  });

  it('is sent at most four times in 5 minutes, together with the one in use', async () => {
    const { secrets, gateway } = await startWithPassword([{ ...USER, password: 'right password' }]);
    await createSome(gateway, 1);
    for (const wrong of [1, 2, 3]) {
      secrets.swap({ IAM_PASSWORD: `wrong password ${wrong}` });
      await gateway.logged(REFUSED, wrong);
    }
    secrets.swap({ IAM_PASSWORD: 'wrong password 4' });
    await gateway.logged(UNPROVEN);

    expect(gateway.emulator.ledger.count('issueToken')).toBe(4);
  });
});
