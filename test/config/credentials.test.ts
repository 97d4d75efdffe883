import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/config.js';
import { printedRefusal, problemsWith, refusalOf } from '../helpers/config-problems.js';

const AK = 'HUAWEICLOUD_SDK_AK';
const SK = 'HUAWEICLOUD_SDK_SK';
const SECURITY_TOKEN = 'HUAWEICLOUD_SDK_SECURITY_TOKEN';
/** Marks a security token that comes from a variable. */
const TOKEN_OUTSIDE = 'outside';
const OTHERS = { DLI_REGION: 'cn-north-4', CALLER_AUTH: 'none' };
const USER = { IAM_USERNAME: 'user', IAM_PASSWORD: 'pass word', IAM_DOMAIN_NAME: 'account' };

describe('the credentials', () => {
  it('are an access key pair', () => {
    expect(loadConfig({ ...OTHERS, [AK]: 'ak', [SK]: 'sk' }).credentials).toEqual({
      kind: 'accessKey',
      accessKey: 'ak',
      secretKey: 'sk',
    });
  });

  it('are an access key pair with a security token', () => {
    expect(loadConfig({ ...OTHERS, [AK]: 'ak', [SK]: 'sk', [SECURITY_TOKEN]: 'token' }).credentials).toEqual({
      kind: 'accessKey',
      accessKey: 'ak',
      secretKey: 'sk',
      securityToken: 'token',
    });
  });

  it('are an IAM user, whose password may contain any character', () => {
    expect(loadConfig({ ...OTHERS, ...USER }).credentials).toEqual({
      kind: 'iamUser',
      name: 'user',
      password: 'pass word',
      domainName: 'account',
    });
  });

  const exclusive = { key: AK, rule: 'and IAM_USERNAME exclude each other: give one kind of credentials' };
  const keyMissing = (key: string) => ({ key, rule: 'is required with access keys' });
  const userMissing = (key: string) => ({ key, rule: 'is required with an IAM user' });
  const eitherMissing = (key: string) => ({
    key,
    rule: 'is required, or IAM_USERNAME with IAM_PASSWORD and IAM_DOMAIN_NAME',
  });

  it.each([
    ['no credential at all', {}, [eitherMissing(AK), eitherMissing(SK)]],
    ['only an access key', { [AK]: 'ak' }, [keyMissing(SK)]],
    ['only a secret key', { [SK]: 'sk' }, [keyMissing(AK)]],
    ['only a security token', { [SECURITY_TOKEN]: 'token' }, [keyMissing(AK), keyMissing(SK)]],
    ['only a user name', { IAM_USERNAME: 'user' }, [userMissing('IAM_PASSWORD'), userMissing('IAM_DOMAIN_NAME')]],
    ['only a password', { IAM_PASSWORD: 'secret' }, [userMissing('IAM_USERNAME'), userMissing('IAM_DOMAIN_NAME')]],
    ['a user without an account', { ...USER, IAM_DOMAIN_NAME: '' }, [userMissing('IAM_DOMAIN_NAME')]],
    ['both kinds', { ...USER, [AK]: 'ak', [SK]: 'sk' }, [exclusive]],
    ['a user and half a key pair', { ...USER, [SECURITY_TOKEN]: 'token' }, [exclusive, keyMissing(SK)]],
  ])('are refused when there is %s', (_what, credentials, problems) => {
    expect(refusalOf({ ...OTHERS, ...credentials }).problems).toEqual(problems);
  });
});

describe('a secret in a file', () => {
  let folder = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function secretFile(text: string, mode = 0o600): string {
    const path = join(mkdtempSync(join(folder, 'secret-')), 'value');
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  it.each([
    ['without a line break', 'sk-of-file'],
    ['with a line break at the end', 'sk-of-file\n'],
    ['with a Windows line break at the end', 'sk-of-file\r\n'],
  ])('is read %s', (_what, text) => {
    const env = { ...OTHERS, [AK]: 'ak', [`${SK}_FILE`]: secretFile(text) };
    expect(loadConfig(env).credentials).toEqual({
      kind: 'accessKey',
      accessKey: 'ak',
      secretKey: 'sk-of-file',
    });
  });

  it.each([
    ['IAM_USERNAME', { kind: 'iamUser', name: 'of file', password: 'pass word', domainName: 'account' }],
    ['IAM_PASSWORD', { kind: 'iamUser', name: 'user', password: 'of file', domainName: 'account' }],
    ['IAM_DOMAIN_NAME', { kind: 'iamUser', name: 'user', password: 'pass word', domainName: 'of file' }],
  ])('may be %s', (key, credentials) => {
    const env = { ...OTHERS, ...USER, [key]: undefined, [`${key}_FILE`]: secretFile('of file\n') };
    expect(loadConfig(env).credentials).toEqual(credentials);
  });

  it('excludes the variable with the same secret', () => {
    const file = secretFile('canary-of-file');
    expect(problemsWith({ [SK]: 'canary-of-variable', [`${SK}_FILE`]: file })).toEqual([
      { key: SK, rule: `and ${SK}_FILE exclude each other` },
    ]);
    expect(printedRefusal({ [SK]: 'canary-of-variable', [`${SK}_FILE`]: file })).not.toMatch(/canary|secret-/);
  });

  it.each([
    ['does not exist', () => join(folder, 'canary-path')],
    ['is a folder', () => folder],
    ['is empty', () => secretFile('')],
    ['contains a line break only', () => secretFile('\n')],
  ])('is refused when the file %s', (_what, pathOf) => {
    const changes = { [SK]: undefined, [`${SK}_FILE`]: pathOf() };
    expect(problemsWith(changes)).toContainEqual({
      key: `${SK}_FILE`,
      rule: 'must name a readable file that is not empty',
    });
    expect(printedRefusal(changes)).not.toContain(folder);
  });

  it.each([0o644, 0o604, 0o444, 0o404])('is refused when the file is world-readable: mode %i', mode => {
    const changes = { [SK]: undefined, [`${SK}_FILE`]: secretFile('canary', mode) };
    expect(problemsWith(changes)).toContainEqual({
      key: `${SK}_FILE`,
      rule: 'must name a file that only its owner and group can read, such as one of mode 0400',
    });
    expect(printedRefusal(changes)).not.toMatch(/canary|secret-/);
  });

  it.each([0o400, 0o440, 0o600, 0o640])('is read when the file is not world-readable: mode %i', mode => {
    const env = { ...OTHERS, [AK]: 'ak', [`${SK}_FILE`]: secretFile('sk', mode) };
    expect(loadConfig(env).credentials).toMatchObject({ secretKey: 'sk' });
  });

  it.each<[what: string, inFiles: string[], followed: string[]]>([
    ['a key pair in files', [AK, SK], [AK, SK]],
    ['half a key pair in a file, which cannot change alone', [SK], []],
    ['a temporary key pair whose token is in a variable', [AK, SK, TOKEN_OUTSIDE], []],
    ['a temporary key pair in files', [AK, SK, SECURITY_TOKEN], [AK, SK, SECURITY_TOKEN]],
    ['a password in a file', ['IAM_PASSWORD'], ['IAM_PASSWORD']],
    ['a user in files', Object.keys(USER), Object.keys(USER)],
  ])('is watched while the gateway runs: %s', (_what, inFiles, followed) => {
    const isUser = inFiles.includes('IAM_PASSWORD');
    const variables = isUser ? USER : { [AK]: 'ak', [SK]: 'sk' };
    const files = inFiles.filter(key => key !== TOKEN_OUTSIDE);
    const env = {
      ...OTHERS,
      ...variables,
      ...(inFiles.includes(TOKEN_OUTSIDE) && { [SECURITY_TOKEN]: 'token' }),
      ...Object.fromEntries(
        files.flatMap(key => [
          [key, undefined],
          [`${key}_FILE`, secretFile('text')],
        ]),
      ),
    };
    expect(Object.keys(loadConfig(env).credentialFiles)).toEqual(followed);
  });

  it('must satisfy the rule of its variable, and is not printed', () => {
    const changes = { [SK]: undefined, [`${SK}_FILE`]: secretFile('canary 1\ncanary 2') };
    expect(problemsWith(changes)).toEqual([{ key: SK, rule: 'must be printable ASCII without spaces' }]);
    expect(printedRefusal(changes)).not.toContain('canary');
  });
});
