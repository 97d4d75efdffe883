import { NotEquals, ValidateBy } from 'class-validator';
import { Field, InputType } from 'type-graphql';
import { MARKER_TAG_KEY } from '../idempotency/connection-lookup.js';

// Characters and lengths: DLI API reference, "Creating a datasource connection", tags.
// Lengths count UTF-16 units, as DLI's do; class-validator's own rules leave variation selectors out.
const TAG_TEXT = /^(?! )[\p{L}\p{N} _.:=+@-]*(?<! )$/u;
const TAG_TEXT_RULE = 'letters, digits, spaces and _ . : = + - @, without a space at either end';

/** A label that DLI shows beside the connection. */
@InputType({ description: 'A label that Huawei Cloud keeps beside the connection.' })
export class TagInput {
  @Field(() => String, {
    description: `1 to 128 characters: ${TAG_TEXT_RULE}. Not starting with \`_sys_\`, and not \`${MARKER_TAG_KEY}\`. Each key once.`,
  })
  @NotEquals(MARKER_TAG_KEY, {
    message: `A tag key must not be ${MARKER_TAG_KEY}, which the gateway uses itself.`,
  })
  @Keeps('prefix', /^(?!_sys_)/, 'A tag key must not start with _sys_.')
  @Keeps('text', TAG_TEXT, `A tag key must consist of ${TAG_TEXT_RULE}.`)
  @Keeps('length', /^.{1,128}$/s, 'A tag key must be 1 to 128 characters long.')
  key!: string;

  @Field(() => String, { description: `Up to 255 characters: ${TAG_TEXT_RULE}.` })
  @Keeps('text', TAG_TEXT, `A tag value must consist of ${TAG_TEXT_RULE}.`)
  @Keeps('length', /^.{0,255}$/s, 'A tag value must be at most 255 characters long.')
  value!: string;
}

// class-validator reports one broken rule of each name, so every rule of a field has its own.
function Keeps(name: string, pattern: RegExp, message: string): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: value => typeof value === 'string' && pattern.test(value),
      defaultMessage: () => message,
    },
  });
}
