import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { findBadLines } from '../helpers/log-lines.js';
import { createSecretFolder } from '../helpers/secret-folder.js';
import { findLeaks, SENTINEL_ACCESS_KEY, SENTINEL_EMULATOR, SENTINEL_USER, SENTINELS } from '../helpers/sentinels.js';

const NEXT = {
  accessKey: 'SENTINELACCESSKEY002',
  secretKey: 'SentinelSecretKey/+"%&<>0002',
  securityToken: 'SentinelSecurityToken/+=="0002',
  password: 'Sentinel pässword / "quoted" + % 0002',
};
const PAUSE_MS = 100;
const KEYS = {
  HUAWEICLOUD_SDK_AK: NEXT.accessKey,
  HUAWEICLOUD_SDK_SK: NEXT.secretKey,
  HUAWEICLOUD_SDK_SECURITY_TOKEN: NEXT.securityToken,
};
const { HUAWEICLOUD_SDK_PROJECT_ID, ...FIRST_KEYS } = SENTINEL_ACCESS_KEY;

afterEach(closeGateways);

describe('secrets in files are neither returned nor logged', () => {
  it.each<[what: string, first: Record<string, string>, next: Record<string, string>, others: object]>([
    ['an access key', FIRST_KEYS, KEYS, {}],
    ['a password', { IAM_PASSWORD: SENTINELS.password }, { IAM_PASSWORD: NEXT.password }, SENTINEL_USER],
  ])('while they are rotated, half-rotated and removed: %s', async (_what, first, next, others) => {
    const secrets = createSecretFolder(first);
    const inFiles = Object.fromEntries(Object.keys(first).map(key => [key, undefined]));
    const noKey = { HUAWEICLOUD_SDK_AK: undefined, HUAWEICLOUD_SDK_SK: undefined };
    const gateway = await startGateway({
      env: { ...noKey, HUAWEICLOUD_SDK_PROJECT_ID, ...others, ...inFiles, ...secrets.env },
      emulator: SENTINEL_EMULATOR,
      limits: { credentialPollMs: 100 },
    });
    const answers: unknown[] = [];
    const until = async (text: string) => {
      while (!gateway.log().includes(text)) {
        answers.push(await gateway.create({ name: `c${answers.length}` }));
        await delay(PAUSE_MS);
      }
    };
    const [changed = '', ...rest] = Object.keys(next);
    if (rest.length > 0) {
      secrets.write(changed, next[changed] ?? '');
      await until('only a part of the key pair has changed');
    }
    // The emulator does not know the new secrets.
    secrets.swap(next);
    await until('credentials refused');
    answers.push(await gateway.create({ name: 'after' }));
    secrets.write(changed, '');
    await until('a credential file cannot be used');

    const folder = dirname(Object.values(secrets.env)[0] ?? '');
    const seen = JSON.stringify(answers) + gateway.log();
    expect(findLeaks(seen, { folder, ...prefixed(NEXT) })).toEqual([]);
    expect(findBadLines(gateway.log())).toEqual([]);
  });
});

function prefixed(secrets: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [`next ${name}`, secret]));
}
