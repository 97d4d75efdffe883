import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { startHeldUpstream } from '../helpers/held-upstream.js';
import { createManualClock } from '../helpers/manual-clock.js';
import { createSecretFolder } from '../helpers/secret-folder.js';
import type { EmulatorAccessKey, EmulatorUser } from './helpers/rotation.js';
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
  USER,
} from './helpers/rotation.js';

/** Ten times the documented maximum, to allow for busy machines. */
const MAX_DELAY_MS = 50_000;
/** For tests that do not measure the time until new credentials are used. */
const limits = { credentialPollMs: 20 };

afterEach(closeGateways);

/** Rotates a key pair while creates are sent. */
async function rotateKeyPair(first: EmulatorAccessKey, second: EmulatorAccessKey) {
  const accessKeys = [first];
  const secrets = createSecretFolder(filesOf(first));
  const gateway = await startGateway({ env: { ...NO_KEY, ...secrets.env }, emulator: { accessKeys } });
  const before = await createSome(gateway, 4);
  accessKeys.push(second);
  secrets.swap(filesOf(second));
  const { payloads, tookMs } = await createUntil(gateway, REPLACED);
  accessKeys.shift();
  const after = await createSome(gateway, 8);
  return {
    isFast: tookMs < MAX_DELAY_MS,
    createdSome: payloads.length > 4,
    types: typesOf([...before, ...payloads, ...after]),
    refused: gateway.emulator.ledger.entries().filter(({ authenticated }) => !authenticated),
    leaks: gateway.log().match(/secret-key|first-token|second-token|ACCESSKEY/g),
  };
}

/** Rotates a password while creates are sent. */
async function rotatePassword() {
  const users: EmulatorUser[] = [{ ...USER, password: 'first password' }];
  const secrets = createSecretFolder({ IAM_PASSWORD: 'first password' });
  const gateway = await startGateway({
    env: { ...NO_KEY, ...secrets.env, IAM_USERNAME: USER.name, IAM_DOMAIN_NAME: USER.domainName },
    emulator: { users },
  });
  const before = await createSome(gateway, 4);
  users[0] = { ...USER, password: 'second password' };
  secrets.swap({ IAM_PASSWORD: 'second password' });
  const { payloads, tookMs } = await createUntil(gateway, REPLACED);
  const after = await createSome(gateway, 8);
  await gateway.emulator.ledger.waitFor('issueToken', 2);
  return {
    isFast: tookMs < MAX_DELAY_MS,
    types: typesOf([...before, ...payloads, ...after]),
    tokenRequests: gateway.emulator.ledger.entries('issueToken').map(({ status }) => status),
    leaks: gateway.log().match(/first password|second password/g),
  };
}

describe('new credentials in files', () => {
  it('are used within 5 s after their rotation, without a failed call', async () => {
    // At once, because the files are read once a second.
    const [permanent, temporary, password] = await Promise.all([
      rotateKeyPair(FIRST, SECOND),
      rotateKeyPair({ ...FIRST, securityToken: 'first-token' }, { ...SECOND, securityToken: 'second-token' }),
      rotatePassword(),
    ]);
    const expected = { isFast: true, types: [SUCCESS], leaks: null };
    const ofKeyPair = { ...expected, createdSome: true, refused: [] };
    expect({ permanent, temporary, password }).toEqual({
      permanent: ofKeyPair,
      temporary: ofKeyPair,
      // One token with each password.
      password: { ...expected, tokenRequests: [201, 201] },
    });
  });
});

describe('a key pair in files', () => {
  it('is not used while only one of the two files has changed', async () => {
    const accessKeys = [FIRST];
    const secrets = createSecretFolder(filesOf(FIRST));
    const gateway = await startGateway({ limits, env: { ...NO_KEY, ...secrets.env }, emulator: { accessKeys } });
    secrets.write(AK, SECOND.accessKey);
    const half = await createUntil(gateway, 'only a part of the key pair has changed');
    accessKeys.push(SECOND);
    secrets.write(SK, SECOND.secretKey);
    const whole = await createUntil(gateway, REPLACED);
    accessKeys.shift();
    const after = await createSome(gateway, 4);

    expect(typesOf([...half.payloads, ...whole.payloads, ...after])).toEqual([SUCCESS]);
    expect(gateway.emulator.ledger.entries().filter(({ authenticated }) => !authenticated)).toEqual([]);
  });

  it('that is deleted leaves the previous pair in use, with a single warning', async () => {
    const secrets = createSecretFolder(filesOf(FIRST));
    const gateway = await startGateway({
      limits,
      env: { ...NO_KEY, ...secrets.env },
      emulator: { accessKeys: [FIRST] },
    });
    secrets.write(SK, '');
    const { payloads } = await createUntil(gateway, 'a credential file cannot be used');

    expect(typesOf([...payloads, ...(await createSome(gateway, 4))])).toEqual([SUCCESS]);
    expect(gateway.log().split('a credential file cannot be used')).toHaveLength(2);
  });

  it('is used immediately if it replaces a suspended one', async () => {
    const secrets = createSecretFolder({ [AK]: 'REVOKEDACCESSKEY0001', [SK]: 'revoked-secret-key' });
    const gateway = await startGateway({
      limits,
      env: { ...NO_KEY, ...secrets.env, HUAWEICLOUD_SDK_PROJECT_ID: undefined },
      emulator: { accessKeys: [SECOND] },
    });
    const [refused] = await createSome(gateway, 1);
    secrets.swap(filesOf(SECOND));
    await createUntil(gateway, REPLACED);

    expect(refused).toMatchObject({ code: 'UPSTREAM_AUTH_FAILED' });
    expect(typesOf(await createSome(gateway, 4))).toEqual([SUCCESS]);
  });

  it('is used by requests that waited for a probe of the previous pair', async () => {
    const accessKeys: EmulatorAccessKey[] = [];
    const secrets = createSecretFolder(filesOf(FIRST));
    const gateway = await startGateway({ limits, env: { ...NO_KEY, ...secrets.env }, emulator: { accessKeys } });
    const refused = await createSome(gateway, 1);
    accessKeys.push(FIRST, SECOND);
    gateway.emulator.inject({ operation: 'createConnection', behaviour: 'hang' });
    // After a refusal, probes run one at a time, and this one takes a long time.
    const hanging = createSome(gateway, 1);
    await gateway.emulator.ledger.waitFor('createConnection', 2);
    const waiting = createSome(gateway, 8);
    secrets.swap(filesOf(SECOND));

    expect(typesOf(await waiting)).toEqual([SUCCESS]);
    expect(gateway.log()).toContain(REPLACED);
    await gateway.emulator.close();
    expect(typesOf([...refused, ...(await hanging)])).toEqual(['DliUnavailableError', 'OutcomeUnknownError']);
  });
});

describe('a password in a file', () => {
  it('causes a single request if it is wrong, and the token stays in use', async () => {
    const users: EmulatorUser[] = [{ ...USER, password: 'first password' }];
    const secrets = createSecretFolder({ IAM_PASSWORD: 'first password' });
    // On a stopped clock, the next request never becomes due.
    const clock = createManualClock();
    const gateway = await startGateway({
      limits,
      clock,
      env: { ...NO_KEY, ...secrets.env, IAM_USERNAME: USER.name, IAM_DOMAIN_NAME: USER.domainName },
      emulator: { users, now: () => clock.epochMs() },
    });
    await createSome(gateway, 1);
    secrets.swap({ IAM_PASSWORD: 'wrong password' });
    await createUntil(gateway, REFUSED);

    expect(typesOf(await createSome(gateway, 8))).toEqual([SUCCESS]);
    expect(gateway.emulator.ledger.entries('issueToken').map(({ status }) => status)).toEqual([201, 401]);
  });

  it('causes a single request if it is wrong and replaces one that is in use at that moment', async () => {
    const users: EmulatorUser[] = [{ ...USER, password: 'first password' }];
    const secrets = createSecretFolder({ IAM_PASSWORD: 'first password' });
    const upstream = await startHeldUpstream({ users });
    const gateway = await startGateway({
      limits,
      env: {
        ...NO_KEY,
        ...secrets.env,
        IAM_USERNAME: USER.name,
        IAM_DOMAIN_NAME: USER.domainName,
        DLI_ENDPOINT: upstream.url,
        HUAWEICLOUD_SDK_IAM_ENDPOINT: upstream.url,
      },
    });
    const create = gateway.create();
    await upstream.emulator.ledger.waitFor('issueToken', 1);
    secrets.swap({ IAM_PASSWORD: 'wrong password' });
    await upstream.emulator.ledger.waitFor('issueToken', 2);
    upstream.release();

    expect(typesOf([await create])).toEqual([SUCCESS]);
    await gateway.logged(REFUSED);
    expect(upstream.emulator.ledger.entries('issueToken').map(({ status }) => status)).toEqual([201, 401]);
  });
});
