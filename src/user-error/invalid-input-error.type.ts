import { Field, ObjectType } from 'type-graphql';
import { UserError } from './user-error.type.js';
import { UserErrorCode } from './user-error-code.enum.js';

/** One rule that the input breaks. */
@ObjectType({ description: 'One rule that the input breaks.' })
export class InputProblem {
  @Field(() => [String], {
    description:
      'Where in `input`: field names and list positions from the outside in, such as `["tags", "0", "key"]`.',
  })
  readonly path: string[];

  @Field(() => String, { description: 'The rule, in English, fit to be shown beside the field.' })
  readonly message: string;

  constructor(path: string[], message: string) {
    this.path = path;
    this.message = message;
  }
}

/** The input breaks rules; nothing was sent. */
@ObjectType({
  implements: UserError,
  description:
    'Returned when the input breaks rules. Nothing was sent to DLI. All problems are listed at once.',
})
export class InvalidInputError extends UserError {
  @Field(() => [InputProblem], {
    description: 'Every rule that the input breaks; at least one, at most 100.',
  })
  readonly problems: InputProblem[];

  constructor(problems: InputProblem[]) {
    super(
      UserErrorCode.BAD_USER_INPUT,
      'The input breaks the rules listed in problems. Nothing was sent to DLI.',
    );
    this.problems = problems;
  }
}
