/** A problem as callers see it in `extensions.problems`. */
interface Problem {
  path: string[];
  code: string;
  message: string;
}

const CODES: readonly [predicate: string, code: string][] = [
  ['" is required.', 'REQUIRED'],
  ['" is not a field of ', 'UNKNOWN_FIELD'],
  ['" must be of type ', 'WRONG_TYPE'],
  ['" must be one of ', 'NOT_ALLOWED'],
];

/** The problem that belongs to a message about an invalid variable or literal, such as `"input.name" is required.` */
export function problemOf(message: string): Problem {
  const [, path = ''] = /^"(.*?)"/.exec(message) ?? [];
  const [, code = 'none'] = CODES.find(([predicate]) => message.includes(predicate)) ?? [];
  return { path: path.split('.'), code, message };
}
