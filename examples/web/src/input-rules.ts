import type { DatasourceServiceInfo, InputFieldRule } from './documents.js';

/** What is wrong with one field: in the same form from the checks of this page and from the gateway. */
export interface FieldProblem {
  /** The path within the input, joined by dots, such as `tags.0.key`. */
  path: string;
  /** The kind of rule that is broken. The gateway knows more kinds than the page. */
  code: string;
  /** The length or number that is exceeded or not reached. */
  limit: number | null;
  /** The rule in the words of the gateway. */
  message: string;
}

/** The words of the page for a problem; those of the gateway where the page has none. Translate them here. */
export function wordsFor({ code, limit, message }: FieldProblem): string {
  if (code === 'REQUIRED') return 'This field is required.';
  if (code === 'TOO_SHORT' && limit !== null) return `At least ${limit} characters.`;
  if (code === 'TOO_LONG' && limit !== null) return `At most ${limit} characters.`;
  return message;
}

/** A tag in the form. The id is the page's own, so that rows keep their identity when one is removed. */
export interface DraftTag {
  id: number;
  key: string;
  value: string;
}

/** What has been typed into the form so far. */
export interface Draft {
  name: string;
  service: string;
  url: string;
  networkId: string;
  securityGroupId: string;
  tags: readonly DraftTag[];
}

/** The fields of the form that hold one text, in its order. */
export const FIELDS = ['name', 'service', 'url', 'networkId', 'securityGroupId'] as const;

/** One of {@link FIELDS}. */
export type TextField = (typeof FIELDS)[number];

/** The rules of the form by path, with those of the chosen service for `url`. */
export type Rules = ReadonlyMap<string, InputFieldRule>;

/** Collects the rules of all fields. The rule of `url` depends on the service. */
export function rulesFor(
  fields: readonly InputFieldRule[],
  services: readonly DatasourceServiceInfo[],
  service: string,
): Rules {
  const rules = new Map(fields.map(rule => [rule.path.join('.'), rule]));
  const [url, chosen] = [rules.get('url'), services.find(info => info.service === service)];
  if (url === undefined || chosen === undefined) return rules;
  const { urlMaxLength: maxLength, urlPattern: pattern, urlExample: example, urlRule: rule } = chosen;
  return rules.set('url', { ...url, maxLength, pattern, example, rule });
}

/** Checks a whole draft by the rules; the gateway has the last word. */
export function checkDraft(draft: Draft, rules: Rules): FieldProblem[] {
  const keys = draft.tags.map(({ key }) => key);
  const texts = FIELDS.map(field => check(field, draft[field], rules.get(field)));
  const tags = draft.tags.flatMap(({ key, value }, index) => {
    const path = `tags.${index}.key`;
    const isDuplicate = key !== '' && keys.indexOf(key) < index;
    return [
      check(path, key, rules.get('tags.*.key')),
      isDuplicate ? { path, code: 'DUPLICATE', limit: null, message: rules.get('tags')?.rule ?? '' } : undefined,
      check(`tags.${index}.value`, value, rules.get('tags.*.value')),
    ];
  });
  return [...texts, ...tags].filter(problem => problem !== undefined);
}

/** The first rule that a value breaks; undefined if it breaks none. */
function check(path: string, value: string, field: InputFieldRule | undefined): FieldProblem | undefined {
  if (field === undefined) return undefined;
  const { required, minLength, maxLength, pattern, rule } = field;
  const problem = (code: string, limit: number | null = null) => ({ path, code, limit, message: rule });
  const mayBeEmpty = !required || (pattern !== null && !minLength && matches(pattern, ''));
  if (value === '') return mayBeEmpty ? undefined : problem('REQUIRED');
  // The lengths come first, because they bound the work of the pattern.
  if (maxLength !== null && value.length > maxLength) return problem('TOO_LONG', maxLength);
  if (minLength !== null && value.length < minLength) return problem('TOO_SHORT', minLength);
  return pattern === null || matches(pattern, value) ? undefined : problem('WRONG_FORMAT');
}

const compiled = new Map<string, RegExp>();

// As browsers compile the attribute `pattern`.
function matches(pattern: string, value: string): boolean {
  const expression = compiled.get(pattern) ?? new RegExp(`^(?:${pattern})$`, 'v');
  compiled.set(pattern, expression);
  return expression.test(value);
}
