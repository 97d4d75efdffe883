import { registerEnumType } from 'type-graphql';

/** Machine-readable kinds of error that a caller can act on. */
export enum UserErrorCode {
  BAD_USER_INPUT = 'BAD_USER_INPUT',
  NAME_CONFLICT = 'NAME_CONFLICT',
  UPSTREAM_REJECTED = 'UPSTREAM_REJECTED',
  UPSTREAM_UNAVAILABLE = 'UPSTREAM_UNAVAILABLE',
  UPSTREAM_THROTTLED = 'UPSTREAM_THROTTLED',
  UPSTREAM_AUTH_FAILED = 'UPSTREAM_AUTH_FAILED',
  UPSTREAM_AUTH_UNAVAILABLE = 'UPSTREAM_AUTH_UNAVAILABLE',
  IDEMPOTENCY_STORE_UNAVAILABLE = 'IDEMPOTENCY_STORE_UNAVAILABLE',
  IDEMPOTENCY_KEY_REUSED = 'IDEMPOTENCY_KEY_REUSED',
  IDEMPOTENCY_IN_PROGRESS = 'IDEMPOTENCY_IN_PROGRESS',
  OUTCOME_UNKNOWN = 'OUTCOME_UNKNOWN',
  CONNECTION_NOT_FOUND = 'CONNECTION_NOT_FOUND',
  CONNECTION_CREATING = 'CONNECTION_CREATING',
}

registerEnumType(UserErrorCode, {
  name: 'UserErrorCode',
  description:
    'The kind of an error, for code to decide on. Values may be added: treat one that you do not know like its type.',
  valuesConfig: {
    BAD_USER_INPUT: { description: 'The input breaks a rule. Correct it and send it again.' },
    NAME_CONFLICT: { description: 'A connection of this name exists. Choose another name.' },
    UPSTREAM_REJECTED: {
      description:
        'DLI refused the request. The same request will be refused again until its cause is removed.',
    },
    UPSTREAM_UNAVAILABLE: { description: 'DLI could not be reached. The same request may succeed later.' },
    UPSTREAM_THROTTLED: { description: 'DLI gets too many requests at the moment. Wait and send it again.' },
    UPSTREAM_AUTH_FAILED: {
      description:
        "Huawei Cloud refused the gateway's own credentials. Its operators must act; you need not sign in again.",
    },
    UPSTREAM_AUTH_UNAVAILABLE: {
      description:
        'The gateway could not sign in to Huawei Cloud at the moment. The same request may succeed later.',
    },
    IDEMPOTENCY_STORE_UNAVAILABLE: {
      description:
        'The gateway cannot write its records at the moment, so it sent nothing. Send it again later.',
    },
    IDEMPOTENCY_KEY_REUSED: {
      description: 'The idempotency key was used with another input. Use a new key.',
    },
    IDEMPOTENCY_IN_PROGRESS: {
      description:
        'The first call with this idempotency key is still running. Repeat with the same key a little later.',
    },
    OUTCOME_UNKNOWN: {
      description:
        'It is not known whether the connection was created or deleted. Never treat this as a failure.',
    },
    CONNECTION_NOT_FOUND: { description: 'There is no connection of this id.' },
    CONNECTION_CREATING: {
      description: 'The connection is still being created and cannot be deleted yet. Send it again later.',
    },
  },
});
