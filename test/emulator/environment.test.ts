import { describe, expect, it } from '@jest/globals';
import { clientHints } from '../../src/emulator/emulator.js';
import { readEnvironment, resolveOptions } from '../../src/emulator/options.js';

describe('the environment of the emulator', () => {
  it('can be empty', () => {
    const { configuration } = readEnvironment({ EMULATOR_PORT: '', PATH: '/bin' });
    expect(configuration).toMatchObject({ host: '127.0.0.1', port: 4010 });
    const { now, ...defaults } = resolveOptions();
    expect({ ...defaults, ...configuration?.options }).toEqual(defaults);
  });

  it.each(['tcp://10.0.0.1:4010', 'udp://emulator:4010', 'sctp://[fd00::1]:4010'])(
    'ignores a port that Kubernetes sets for a service of this name: %s',
    address => {
      const { configuration } = readEnvironment({ EMULATOR_PORT: address });
      expect(configuration).toMatchObject({ port: 4010, isPortSet: false });
    },
  );

  it.each(['tcp://10.0.0.1', 'http://10.0.0.1:4010', '10.0.0.1:4010'])(
    'is refused with another address as its port: %s',
    address => {
      const problems = [{ key: 'EMULATOR_PORT', rule: 'must be a whole number' }];
      expect(readEnvironment({ EMULATOR_PORT: address }).problems).toEqual(problems);
    },
  );

  it('sets every option', () => {
    const { configuration } = readEnvironment({
      EMULATOR_HOST: '0.0.0.0',
      EMULATOR_PORT: '0',
      EMULATOR_REGION: 'cn-east-3',
      EMULATOR_PROJECT_ID: 'p1',
      EMULATOR_AK: 'ak',
      EMULATOR_SK: 'sk',
      EMULATOR_SECURITY_TOKEN: 'token',
      EMULATOR_USERNAME: 'user',
      EMULATOR_PASSWORD: 'password',
      EMULATOR_DOMAIN_NAME: 'account',
      EMULATOR_CREATION_MS: '10',
      EMULATOR_UNIQUE_NAMES: 'false',
      EMULATOR_FAIL_NAMES: 'bad$',
      EMULATOR_TOKEN_LIFETIME_MS: '20',
      EMULATOR_LOCK_AFTER_FAILURES: '5',
      EMULATOR_FAILURE_REASON: 'No route.',
      EMULATOR_TOMBSTONE_MS: '30',
      EMULATOR_LIST_LAG_MS: '40',
      EMULATOR_PEERING_MS: '50',
      EMULATOR_ANSWER_STYLE: '2018',
      EMULATOR_NOT_FOUND_ERROR: 'DLI.0023',
    });
    expect(configuration).toEqual({
      host: '0.0.0.0',
      port: 0,
      isPortSet: true,
      options: {
        projects: [{ id: 'p1', name: 'cn-east-3' }],
        accessKeys: [{ accessKey: 'ak', secretKey: 'sk', securityToken: 'token' }],
        users: [{ name: 'user', password: 'password', domainName: 'account' }],
        creationMs: 10,
        uniqueNames: false,
        failNames: 'bad$',
        tokenLifetimeMs: 20,
        lockAfterFailures: 5,
        failureReason: 'No route.',
        tombstoneMs: 30,
        listLagMs: 40,
        peeringMs: 50,
        answerStyle: '2018',
        notFoundError: 'DLI.0023',
      },
    });
  });

  it('is refused with the names of all invalid variables, without their values', () => {
    const { problems } = readEnvironment({
      EMULATOR_PORT: '70000',
      EMULATOR_CREATION_MS: 'soon',
      EMULATOR_UNIQUE_NAMES: 'perhaps',
      EMULATOR_FAIL_NAMES: '(secret-value',
      EMULATOR_SK: 'secret\u0000value',
      EMULATOR_ANSWER_STYLE: '2020',
      EMULATOR_NOT_FOUND_ERROR: 'DLI.0999',
    });
    expect(problems?.map(({ key }) => key)).toEqual([
      'EMULATOR_PORT',
      'EMULATOR_SK',
      'EMULATOR_CREATION_MS',
      'EMULATOR_UNIQUE_NAMES',
      'EMULATOR_FAIL_NAMES',
      'EMULATOR_ANSWER_STYLE',
      'EMULATOR_NOT_FOUND_ERROR',
    ]);
    expect(JSON.stringify(problems)).not.toMatch(/70000|soon|perhaps|secret/);
  });
});

describe('the hints for clients', () => {
  it('contain every variable that a client needs', () => {
    expect(clientHints('http://127.0.0.1:4010', resolveOptions())).toBe(
      [
        '  export DLI_ENDPOINT=http://127.0.0.1:4010',
        '  export HUAWEICLOUD_SDK_IAM_ENDPOINT=http://127.0.0.1:4010',
        '  export HUAWEICLOUD_SDK_AK=EMULATORACCESSKEY001',
        '  export HUAWEICLOUD_SDK_SK=EmulatorSecretKeyNotRealNotRealNotReal00',
        '  export HUAWEICLOUD_SDK_PROJECT_ID=48cc2c48765f481480c7db940d6409d1',
        '  export DLI_REGION=cn-north-4',
        '  export CALLER_AUTH=none',
        '',
      ].join('\n'),
    );
  });

  it('contain no secret other than the published default', () => {
    const accessKeys = [{ accessKey: 'ak', secretKey: 'chosen-secret', securityToken: 'chosen-token' }];
    const hints = clientHints('http://127.0.0.1:4010', resolveOptions({ accessKeys }));
    expect(hints).not.toContain('chosen');
    expect(hints).toContain('HUAWEICLOUD_SDK_SK=<value of EMULATOR_SK>');
  });
});
