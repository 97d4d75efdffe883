import { Length, Matches, MaxLength, NotEquals } from 'class-validator';
import { Field, InputType } from 'type-graphql';

/** The tag key that the gateway keeps for itself. */
const RESERVED_TAG_KEY = 'gw_req';
// Characters and lengths: DLI API reference, "Creating a datasource connection", tags.
const TAG_TEXT = /^(?! )[\p{L}\p{M}\p{N} _.:=+@-]*(?<! )$/u;
const TAG_TEXT_RULE = 'letters, digits, spaces and _ . : = + - @, without a space at either end';

/** A label that DLI shows beside the connection. */
@InputType({ description: 'A label that Huawei Cloud keeps beside the connection.' })
export class TagInput {
  @Field(() => String, {
    description: `1 to 128 characters: ${TAG_TEXT_RULE}. Not starting with \`_sys_\`, and not \`${RESERVED_TAG_KEY}\`. Each key once.`,
  })
  @NotEquals(RESERVED_TAG_KEY, {
    message: `A tag key must not be ${RESERVED_TAG_KEY}, which the gateway uses itself.`,
  })
  @Matches(/^(?!_sys_)/, { message: 'A tag key must not start with _sys_.' })
  @Matches(TAG_TEXT, { message: `A tag key must consist of ${TAG_TEXT_RULE}.` })
  @Length(1, 128, { message: 'A tag key must be 1 to 128 characters long.' })
  key!: string;

  @Field(() => String, { description: `Up to 255 characters: ${TAG_TEXT_RULE}.` })
  @Matches(TAG_TEXT, { message: `A tag value must consist of ${TAG_TEXT_RULE}.` })
  @MaxLength(255, { message: 'A tag value must be at most 255 characters long.' })
  value!: string;
}
