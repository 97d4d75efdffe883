import { DEFAULT_DOMAIN_NAME, DEFAULT_PASSWORD, DEFAULT_USER_NAME } from '../../src/emulator/emulator.js';

/** The response to a create while IAM issues no token. */
export const NO_TOKEN = {
  __typename: 'DliUnavailableError',
  code: 'UPSTREAM_AUTH_UNAVAILABLE',
  message: 'The gateway cannot sign in to Huawei Cloud at the moment. Nothing was created; try again later.',
  retryAfterSeconds: 1,
};

/** Environment of a gateway that gets tokens as the emulator's user, and has no access key. */
export const IAM_USER = {
  HUAWEICLOUD_SDK_AK: undefined,
  HUAWEICLOUD_SDK_SK: undefined,
  IAM_USERNAME: DEFAULT_USER_NAME,
  IAM_PASSWORD: DEFAULT_PASSWORD,
  IAM_DOMAIN_NAME: DEFAULT_DOMAIN_NAME,
};
