import type { Config } from './config/config.js';
import type { CredentialsConfig } from './config/credentials.js';
import type { AccessKeyCredentials } from './huawei-cloud/access-key-authenticator.js';
import { AccessKeyAuthenticator } from './huawei-cloud/access-key-authenticator.js';
import type { Authenticator } from './huawei-cloud/authenticator.js';
import { CredentialsSource } from './huawei-cloud/authenticator.js';
import type { IamClient, IamUser } from './huawei-cloud/iam-client.js';
import { TokenAuthenticator } from './huawei-cloud/token-authenticator.js';
import type { Clock } from './lib/time.js';

/** What authenticates at Huawei Cloud, by the kind of credentials that are configured. */
export interface ConfiguredAuthenticator {
  authenticator: Authenticator;
  /** Gives it other credentials of the same kind; others are ignored. */
  replaceCredentials: (next: CredentialsConfig) => void;
}

/** Makes the authenticator of a configuration. */
export function createAuthenticator(
  { credentials, projectId, region }: Config,
  iam: IamClient,
  clock: Clock,
): ConfiguredAuthenticator {
  if (credentials.kind === 'accessKey') {
    const source = new CredentialsSource<AccessKeyCredentials>(credentials);
    return {
      authenticator: new AccessKeyAuthenticator(source, { id: projectId, name: region }, iam, clock),
      replaceCredentials: next => next.kind === 'accessKey' && source.replace(next),
    };
  }
  const source = new CredentialsSource<IamUser>(credentials);
  const project = projectId === undefined ? { name: region } : { id: projectId };
  return {
    authenticator: new TokenAuthenticator(source, project, iam, clock),
    replaceCredentials: next => next.kind === 'iamUser' && source.replace(next),
  };
}
