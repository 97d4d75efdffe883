import { IsOptional, ValidateBy } from 'class-validator';
import { MARKER_TAG_KEY } from '../idempotency/connection-lookup.js';
import type { ItemProblem } from './input-problem.js';
import { InputProblemCode, reports, reportsItems } from './input-problem.js';

/** The rule for the values of an input field. Validators, forms and descriptions are derived from it. */
export interface FieldRule {
  isRequired: boolean;
  /** In characters, that is UTF-16 code units, as in HTML and in DLI. */
  minLength?: number;
  /** In the same unit as `minLength`. */
  maxLength?: number;
  maxItems?: number;
  /** Matches the whole value at any length, as HTML's `pattern` does: without anchors, valid with the flag `v`. */
  pattern?: string;
  /** A valid value. */
  example?: string;
  /** The rule in English. */
  text: string;
}

/** The rule of a text field. */
export interface StringRule extends FieldRule {
  checks: readonly Check[];
}

/** One rule of a text field, and what is reported when it is broken. */
interface Check {
  isMet(value: string): boolean;
  code: InputProblemCode;
  message: string;
  /** The length that is exceeded or not reached. */
  limit?: number;
}

interface StringRuleOptions {
  /** The subject of validation messages. */
  subject: string;
  /** Default: true. */
  isRequired?: boolean;
  /** Default: 0. */
  minLength?: number;
  maxLength: number;
  example: string;
  /** The characters that a value may have, in words. */
  contents: string;
  /** Matches values with these contents at any length. Undefined if another validator checks the contents. */
  pattern?: string;
  /** Values that match `pattern` but are reserved: a pattern for their beginning, and the rule in words. */
  reserved?: { pattern: string; rule: string };
}

/** The contents of ids in Huawei Cloud. */
export const RESOURCE_ID = {
  minLength: 1,
  maxLength: 64,
  contents: 'letters, digits and -',
  pattern: String.raw`[A-Za-z0-9\-]*`,
};

/** Reserved tag keys. */
export const RESERVED_TAG_KEY = {
  pattern: `_sys_|${MARKER_TAG_KEY}$`,
  rule: `must not start with _sys_ and must not be ${MARKER_TAG_KEY}, which the gateway uses itself`,
};

/** The rule of idempotency keys. */
export const IDEMPOTENCY_KEY_RULE = stringRule({
  subject: 'idempotencyKey',
  isRequired: false,
  minLength: 16,
  maxLength: 64,
  example: '5f0c2a34-6f0d-4b51-9d53-0f6f1f1c7e0a',
  contents: 'letters, digits, _ and -',
  pattern: String.raw`[A-Za-z0-9_\-]*`,
});

/** Creates the rule of a text field. */
export function stringRule(options: StringRuleOptions): StringRule {
  const { subject, isRequired = true, minLength = 0, maxLength, example, contents, pattern, reserved } = options;
  const range = minLength === 0 ? `at most ${maxLength}` : `${minLength} to ${maxLength}`;
  const message = `${subject} must be ${range} characters long.`;
  const checks: Check[] = [
    // class-validator's own length rules skip variation selectors.
    { isMet: ({ length }) => length >= minLength, code: InputProblemCode.TOO_SHORT, message, limit: minLength },
    { isMet: ({ length }) => length <= maxLength, code: InputProblemCode.TOO_LONG, message, limit: maxLength },
  ];
  if (pattern !== undefined) {
    const matcher = new RegExp(`^(?:${pattern})$`, 'v');
    checks.push({
      isMet: value => matcher.test(value),
      code: InputProblemCode.WRONG_FORMAT,
      message: `${subject} must consist of ${contents}.`,
    });
  }
  if (reserved !== undefined) {
    const matcher = new RegExp(`^(?:${reserved.pattern})`, 'v');
    checks.push({
      isMet: value => !matcher.test(value),
      code: InputProblemCode.NOT_ALLOWED,
      message: `${subject} ${reserved.rule}.`,
    });
  }
  return {
    isRequired,
    maxLength,
    example,
    text: `${range.replace(/^a/, 'A')} characters: ${contents}.${reserved === undefined ? '' : ` It ${reserved.rule}.`}`,
    checks,
    ...(minLength > 0 && { minLength }),
    ...(pattern !== undefined && { pattern: reserved === undefined ? pattern : `(?!${reserved.pattern})${pattern}` }),
  };
}

/** Property decorator that validates a text by its rule. */
export function FollowsRule({ isRequired, checks }: StringRule): PropertyDecorator {
  const decorators = checks.map(({ isMet, code, message, limit }) =>
    // class-validator reports one error per name, and a field has at most one rule of each code.
    ValidateBy(
      { name: code, validator: { validate: value => typeof value === 'string' && isMet(value) } },
      reports(code, message, limit),
    ),
  );
  return combine(decorators, isRequired);
}

/** The rule for a list of objects whose fields are texts. */
export interface ListRule<Item> {
  /** Names the list in messages. */
  subject: string;
  isRequired: boolean;
  /** 0 or 1. Default: 0. */
  minItems?: number;
  maxItems: number;
  /** The rules of the fields of every item. */
  items: Readonly<Partial<Record<keyof Item & string, StringRule>>>;
  /** The value that must be unique among the items. */
  unique: { field: keyof Item & string; keyOf(item: Item): string; message: string };
}

/**
 * Property decorator that validates a list by its rule, in one pass over plain objects, because a list may have 20,000
 * items.
 */
export function FollowsListRule<Item>(rule: ListRule<Item>): PropertyDecorator {
  const find = (value: unknown) => findListProblems(rule, Array.isArray(value) ? value : []);
  const validate = (value: unknown) => find(value).next().done === true;
  return combine([ValidateBy({ name: 'items', validator: { validate } }, reportsItems(find))], rule.isRequired);
}

function* findListProblems<Item>(
  { subject, minItems = 0, maxItems, items, unique }: ListRule<Item>,
  list: readonly Item[],
): Generator<ItemProblem, void> {
  if (list.length < minItems)
    yield { path: [], code: InputProblemCode.REQUIRED, message: `${subject} must not be empty.` };
  if (list.length > maxItems)
    yield {
      path: [],
      code: InputProblemCode.TOO_MANY,
      message: `${subject} may have at most ${maxItems} items.`,
      limit: maxItems,
    };
  const rules = Object.entries(items) as [keyof Item & string, StringRule][];
  const known = new Set<string>();
  for (const [index, item] of list.slice(0, maxItems).entries()) {
    for (const [field, { checks }] of rules)
      for (const check of checks) if (!check.isMet(String(item[field]))) yield toItemProblem(index, field, check);
    const count = known.size;
    if (known.add(unique.keyOf(item)).size === count)
      yield toItemProblem(index, unique.field, { code: InputProblemCode.DUPLICATE, message: unique.message });
  }
}

function toItemProblem(
  index: number,
  field: string,
  { code, message, limit }: Pick<Check, 'code' | 'message' | 'limit'>,
): ItemProblem {
  return { path: [String(index), field], code, message, limit };
}

function combine(decorators: PropertyDecorator[], isRequired: boolean): PropertyDecorator {
  if (!isRequired) decorators.push(IsOptional());
  return (target, property) => {
    for (const decorate of decorators) decorate(target, property);
  };
}
