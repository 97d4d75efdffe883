import type { AccessKeyCredentials } from '../huawei-cloud/access-key-authenticator.js';
import type { IamUser } from '../huawei-cloud/iam-client.js';
import type { Rotation } from './credential-watcher.js';
import type { Problem } from './secret-files.js';
import { addProblem } from './secret-files.js';

/** The credentials that the gateway uses to authenticate with Huawei Cloud. */
export type CredentialsConfig = ({ kind: 'accessKey' } & AccessKeyCredentials) | ({ kind: 'iamUser' } & IamUser);

/** The values of credentials, all of them confidential. */
export function credentialValues({ kind: _, ...values }: CredentialsConfig): string[] {
  return Object.values(values);
}

/** The field of each variable, by the kind of credentials. */
const FIELDS = {
  accessKey: {
    HUAWEICLOUD_SDK_AK: 'accessKey',
    HUAWEICLOUD_SDK_SK: 'secretKey',
    HUAWEICLOUD_SDK_SECURITY_TOKEN: 'securityToken',
  },
  iamUser: { IAM_USERNAME: 'name', IAM_PASSWORD: 'password', IAM_DOMAIN_NAME: 'domainName' },
} as const;

const KEY_PAIR = ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK'];

/**
 * Reads an access key or an IAM user from the variables; undefined when neither is complete. `problems` receives
 * missing and contradictory variables.
 */
export function readCredentials(
  values: Readonly<Record<string, string | undefined>>,
  problems: Problem[],
): CredentialsConfig | undefined {
  const { HUAWEICLOUD_SDK_AK: accessKey, HUAWEICLOUD_SDK_SK: secretKey } = values;
  const { HUAWEICLOUD_SDK_SECURITY_TOKEN: securityToken } = values;
  const { IAM_USERNAME: name, IAM_PASSWORD: password, IAM_DOMAIN_NAME: domainName } = values;
  const hasKey = Object.keys(FIELDS.accessKey).some(key => values[key] !== undefined);
  const hasUser = Object.keys(FIELDS.iamUser).some(key => values[key] !== undefined);
  const requireAll = (keys: readonly string[], rule: string) => {
    for (const key of keys) if (values[key] === undefined) addProblem(problems, { key, rule });
  };
  if (hasKey && hasUser) {
    const rule = 'and IAM_USERNAME exclude each other: give one kind of credentials';
    problems.push({ key: 'HUAWEICLOUD_SDK_AK', rule });
  }
  if (hasKey) requireAll(KEY_PAIR, 'is required with access keys');
  else if (!hasUser) requireAll(KEY_PAIR, 'is required, or IAM_USERNAME with IAM_PASSWORD and IAM_DOMAIN_NAME');
  if (hasUser) requireAll(Object.keys(FIELDS.iamUser), 'is required with an IAM user');
  if (accessKey !== undefined && secretKey !== undefined) {
    return { kind: 'accessKey', accessKey, secretKey, ...(securityToken !== undefined && { securityToken }) };
  }
  if (name === undefined || password === undefined || domainName === undefined) return undefined;
  return { kind: 'iamUser', name, password, domainName };
}

/**
 * The credential files that can be watched for rotation. A key pair is rotated as a whole, so no file is watched when a
 * part of the pair comes from a variable.
 */
export function watchedFiles(
  credentials: CredentialsConfig,
  files: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const fields = Object.entries(FIELDS[credentials.kind]).filter(([, field]) => field in credentials);
  const entries = fields.flatMap(([key]) => (files[key] === undefined ? [] : [[key, files[key]]]));
  const isComplete = credentials.kind === 'iamUser' || entries.length === fields.length;
  return isComplete ? Object.fromEntries(entries) : {};
}

/** The rotation of watched credentials of Huawei Cloud, where a key pair changes as a whole. */
export function createCredentialRotation(
  parts: Required<Pick<Rotation<CredentialsConfig>, 'rotate' | 'isCurrentRefused'>>,
): Rotation<CredentialsConfig> {
  return {
    parse: (secrets, current) => withValues(current, secrets),
    // A half-changed pair means that the rotation is still under way.
    findObstacle: (next, current) =>
      isCompleteRotation(current, next)
        ? undefined
        : 'only a part of the key pair has changed: the last pair stays in use until all of it has',
    ...parts,
  };
}

/** Credentials of the same kind with new values for some variables. */
function withValues(credentials: CredentialsConfig, values: Readonly<Record<string, string>>): CredentialsConfig {
  const changed = Object.entries(FIELDS[credentials.kind]).flatMap(([key, field]) =>
    values[key] === undefined ? [] : [[field, values[key]]],
  );
  return { ...credentials, ...Object.fromEntries(changed) };
}

/** Whether a change of credentials is complete: every part of a key pair must have changed. */
function isCompleteRotation(last: CredentialsConfig, next: CredentialsConfig): boolean {
  if (last.kind !== 'accessKey' || next.kind !== 'accessKey') return true;
  return (
    last.accessKey !== next.accessKey &&
    last.secretKey !== next.secretKey &&
    (last.securityToken === undefined || last.securityToken !== next.securityToken)
  );
}
