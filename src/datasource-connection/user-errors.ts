import { Field, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';
import { InputProblem } from './input-problem.js';

/** The codes of {@link UserError}. */
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
  RESOURCE_NOT_FOUND = 'RESOURCE_NOT_FOUND',
  CONNECTION_BUSY = 'CONNECTION_BUSY',
  CONNECTION_IN_USE = 'CONNECTION_IN_USE',
}

const CODE_DESCRIPTIONS: Readonly<Record<UserErrorCode, string>> = {
  BAD_USER_INPUT: 'The input breaks a rule. Correct it and send it again.',
  NAME_CONFLICT: 'A connection with this name exists. Choose another name.',
  UPSTREAM_REJECTED: 'DLI refused the request. The same request will be refused again until its cause is removed.',
  UPSTREAM_UNAVAILABLE: 'DLI could not be reached or used. The same request may succeed later.',
  UPSTREAM_THROTTLED: 'DLI receives too many requests at the moment. Wait and send it again.',
  UPSTREAM_AUTH_FAILED:
    "Huawei Cloud refused the gateway's own credentials. The operators of the gateway must act; signing in again does not help.",
  UPSTREAM_AUTH_UNAVAILABLE:
    'The gateway could not sign in to Huawei Cloud at the moment. The same request may succeed later.',
  IDEMPOTENCY_STORE_UNAVAILABLE:
    'The gateway cannot write its records at the moment, so it sent nothing. Send it again later.',
  IDEMPOTENCY_KEY_REUSED: 'The idempotency key was used with another input. Use a new key.',
  IDEMPOTENCY_IN_PROGRESS:
    'The first call with this idempotency key, or another create of the same name, is still running or undecided. Repeat the call with the same key later.',
  OUTCOME_UNKNOWN:
    'It is not known whether the connection was created, changed or deleted. Repeat the same call; never treat this as a failure.',
  CONNECTION_NOT_FOUND: 'There is no connection with this id, so there is nothing to change or delete.',
  CONNECTION_CREATING: 'The connection is still being created and cannot be deleted yet. Send it again later.',
  RESOURCE_NOT_FOUND: 'A pool or queue does not exist. Correct its name, or create it first.',
  CONNECTION_BUSY:
    'DLI is still working on the connection, or a failed binding prevents the change. Wait if the error says how long.',
  CONNECTION_IN_USE: 'Pools or queues are bound to the connection. Unbind them first.',
};

registerEnumType(UserErrorCode, {
  name: 'UserErrorCode',
  description:
    'The kind of an error, for programs. Values may be added: handle an unknown one by the type of the error.',
  valuesConfig: Object.fromEntries(
    Object.entries(CODE_DESCRIPTIONS).map(([code, description]) => [code, { description }]),
  ),
});

/** Base class of all error members of payload unions. */
@InterfaceType('UserError', {
  description:
    'An error that the caller can resolve, or that may not occur when the request is repeated. Every error member of a payload union implements it, so `... on UserError { message code }` also covers members that are added later.',
})
export abstract class UserError {
  @Field(() => String, { description: 'What happened and what to do, in English, for people.' })
  readonly message: string;

  @Field(() => UserErrorCode, { description: 'What happened, for programs.' })
  readonly code: UserErrorCode;

  protected constructor(code: UserErrorCode, message: string) {
    this.code = code;
    this.message = message;
  }
}

/** Returned when the input is invalid; nothing was sent to DLI. */
@ObjectType({
  implements: UserError,
  description: 'Returned when the input breaks rules. Nothing was sent to DLI.',
})
export class InvalidInputError extends UserError {
  @Field(() => [InputProblem], {
    description: 'The rules that the input breaks: at least one, at most 20.',
  })
  readonly problems: InputProblem[];

  constructor(problems: InputProblem[]) {
    super(UserErrorCode.BAD_USER_INPUT, 'The input breaks the rules listed in problems. Nothing was sent to DLI.');
    this.problems = problems;
  }
}
