import { Field, InterfaceType } from 'type-graphql';
import { UserErrorCode } from './user-error-code.enum.js';

/** What every answer but a success has in common. */
@InterfaceType('UserError', {
  description:
    'Something went wrong that you, or the same request sent again, can do something about. Every error member of a payload union is one, so `... on UserError { message code }` also catches members that are added later.',
})
export abstract class UserError {
  @Field(() => String, { description: 'What happened and what to do, in English, for a person.' })
  readonly message: string;

  @Field(() => UserErrorCode, { description: 'What happened, for code.' })
  readonly code: UserErrorCode;

  protected constructor(code: UserErrorCode, message: string) {
    this.code = code;
    this.message = message;
  }
}
