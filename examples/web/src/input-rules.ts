import type { ConnectionResourceKind } from 'dli-gateway-client';
import type { FormRules, InputFieldRule } from './documents.js';

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

/** A pool or queue in the form, with an id like that of a {@link DraftTag}. */
export interface DraftResource {
  id: number;
  kind: ConnectionResourceKind;
  name: string;
}

/** The kinds of connections that the form creates. */
export type Kind = 'ENHANCED' | 'CLASSIC';

/** The fields of the form that hold one text, in its order. */
export const FIELDS = {
  ENHANCED: ['name', 'vpcId', 'networkId'],
  CLASSIC: ['name', 'service', 'url', 'networkId', 'securityGroupId'],
} as const satisfies Record<Kind, readonly string[]>;

/** One of {@link FIELDS}. */
export type TextField = (typeof FIELDS)[Kind][number];

/** What has been typed into the form so far, for either kind. */
export interface Draft extends Readonly<Record<TextField, string>> {
  kind: Kind;
  resources: readonly DraftResource[];
  tags: readonly DraftTag[];
}

/** The rules of the form by path, with those of the chosen service for `url`. */
export type Rules = ReadonlyMap<string, InputFieldRule>;

/** Collects the rules of all fields. The rule of `url` depends on the service. */
export function rulesFor({ services, classic, enhanced }: FormRules, kind: Kind, service: string): Rules {
  const fields = kind === 'ENHANCED' ? enhanced : classic;
  const rules = new Map(fields.map(rule => [rule.path.join('.'), rule]));
  const [url, chosen] = [rules.get('url'), services.find(info => info.service === service)];
  if (url === undefined || chosen === undefined) return rules;
  const { urlMaxLength: maxLength, urlPattern: pattern, urlExample: example, urlRule: rule } = chosen;
  return rules.set('url', { ...url, maxLength, pattern, example, rule });
}

/** Checks a whole draft by the rules; the gateway has the last word. */
export function checkDraft(draft: Draft, rules: Rules): FieldProblem[] {
  const texts = FIELDS[draft.kind].map(field => check(field, draft[field], rules.get(field)));
  const resources = draft.kind === 'ENHANCED' ? checkResources(draft.resources, rules) : [];
  return [...texts.filter(problem => problem !== undefined), ...resources, ...checkTags(draft.tags, rules)];
}

/** Checks pools and queues by the rules. */
export function checkResources(resources: readonly DraftResource[], rules: Rules): FieldProblem[] {
  const names = resources.map(({ name }) => name);
  const keys = resources.map(({ kind, name }) => `${kind} ${name.toLowerCase()}`);
  return checkRows('resources', 'name', names, keys, rules);
}

function checkTags(tags: readonly DraftTag[], rules: Rules): FieldProblem[] {
  const keys = tags.map(({ key }) => key);
  const values = tags.map(({ value }, index) => check(`tags.${index}.value`, value, rules.get('tags.*.value')));
  return [...checkRows('tags', 'key', keys, keys, rules), ...values.filter(problem => problem !== undefined)];
}

/** Checks one field of every row of a list, in which each key may occur once. */
function checkRows(
  list: string,
  field: string,
  texts: readonly string[],
  keys: readonly string[],
  rules: Rules,
): FieldProblem[] {
  const problems = texts.flatMap((text, index) => {
    const path = `${list}.${index}.${field}`;
    const isDuplicate = text !== '' && keys.indexOf(keys[index] ?? '') < index;
    return [
      check(path, text, rules.get(`${list}.*.${field}`)),
      isDuplicate ? { path, code: 'DUPLICATE', limit: null, message: rules.get(list)?.rule ?? '' } : undefined,
    ];
  });
  return problems.filter(problem => problem !== undefined);
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
