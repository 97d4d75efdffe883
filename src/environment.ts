import { readFileSync } from 'node:fs';

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One key that is wrong, and the rule it breaks; never its value. */
export interface Problem {
  key: string;
  rule: string;
}

/**
 * The values of the given keys. A secret may instead stand in the file that `NAME_FILE` names, where one
 * line break at the end does not count. An empty value counts as not given.
 *
 * @param secretKeys which of the keys are secrets
 */
export function readEnvironment(
  env: Environment,
  keys: readonly string[],
  secretKeys: readonly string[],
): { values: Record<string, string>; problems: Problem[] } {
  const values: Record<string, string> = {};
  const problems: Problem[] = [];
  for (const key of keys) {
    const value = env[key];
    if (value) values[key] = value;
  }
  for (const key of secretKeys) {
    const fileKey = `${key}_FILE`;
    const path = env[fileKey];
    if (!path) continue;
    if (key in values) {
      problems.push({ key, rule: `and ${fileKey} exclude each other` });
      continue;
    }
    const text = readText(path);
    if (text) values[key] = text;
    else problems.push({ key: fileKey, rule: 'must name a readable file that is not empty' });
  }
  return { values, problems };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}
