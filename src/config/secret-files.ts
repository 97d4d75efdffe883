import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { platform } from 'node:os';
import { z } from 'zod';

const READABLE_BY_OTHERS = 0o004;

/** Variables that are also read in lower case, as curl does; upper case wins. */
const LOWER_CASE_KEYS: ReadonlySet<string> = new Set(['HTTPS_PROXY', 'NO_PROXY']);

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An invalid variable and the rule it violates, without its value. */
export interface Problem {
  key: string;
  rule: string;
}

/** Whether a variable has a problem. */
export function hasProblem(problems: readonly Problem[], key: string): boolean {
  return problems.some(problem => problem.key === key);
}

/** Adds a problem, unless the variable has one already. */
export function addProblem(problems: Problem[], problem: Problem): void {
  if (!hasProblem(problems, problem.key)) problems.push(problem);
}

/**
 * Reads the given variables. One of `secretKeys` may come from the file that `NAME_FILE` names instead: one trailing
 * line break is stripped, and the file must not be world-readable. An empty value counts as not set, and so does the
 * address of a service that Kubernetes sets.
 */
export function readEnvironment(env: Environment, keys: readonly string[], secretKeys: readonly string[]) {
  const values: Record<string, string> = {};
  /** Paths of the secrets that came from files, by variable. */
  const files: Record<string, string> = {};
  const problems: Problem[] = [];
  for (const key of keys) {
    const value = env[key] || (LOWER_CASE_KEYS.has(key) ? env[key.toLowerCase()] : undefined);
    if (value && !isServiceLink(key, value)) values[key] = value;
  }
  for (const key of secretKeys) {
    const fileKey = `${key}_FILE`;
    const path = env[fileKey];
    if (!path) continue;
    if (env[key]) {
      problems.push({ key, rule: `and ${fileKey} exclude each other` });
      continue;
    }
    const { text, rule } = readSecret(path);
    if (text === undefined) {
      problems.push({ key: fileKey, rule });
    } else {
      values[key] = text;
      files[key] = path;
    }
  }
  return { values, files, problems };
}

// For a service that is called `admin`, Kubernetes sets ADMIN_PORT to its address, such as tcp://10.0.0.1:80.
function isServiceLink(key: string, value: string): boolean {
  return /(?:^|_)PORT$/.test(key) && /^(?:tcp|udp|sctp):\/\/\S+:\d+$/.test(value);
}

/** Whether a file is world-readable; always false on Windows. */
export function isReadableByAll({ mode }: { mode: number }): boolean {
  // Windows has no such mode bits: every file looks world-readable.
  return platform() !== 'win32' && (mode & READABLE_BY_OTHERS) !== 0;
}

/** Strips one trailing line break, which editors add. */
export function stripLineBreak(text: string): string {
  return text.replace(/\r?\n$/, '');
}

/** The secret in a file, or the rule that the file violates. */
function readSecret(path: string): { text: string; rule?: never } | { text?: never; rule: string } {
  const unreadable = { rule: 'must name a readable file that is not empty' };
  try {
    const text = stripLineBreak(readFileSync(path, 'utf8'));
    if (text === '') return unreadable;
    return isReadableByAll(statSync(path))
      ? { rule: 'must name a file that only its owner and group can read, such as one of mode 0400' }
      : { text };
  } catch {
    return unreadable;
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const documents = z.record(z.string().regex(/^[\x21-\x7e]{1,256}$/), z.string().min(1));

/** The certificates of a PEM file; undefined when it is unreadable, has none or an invalid one. */
export function readCertificates(path: string): readonly string[] | undefined {
  try {
    const certificates = readFileSync(path, 'utf8').match(CERTIFICATE) ?? [];
    for (const certificate of certificates) new X509Certificate(certificate);
    return certificates.length === 0 ? undefined : certificates;
  } catch {
    return undefined;
  }
}

/** The trusted documents of a JSON manifest, by id; undefined when it is unreadable or has another format. */
export function readDocuments(path: string): Readonly<Record<string, string>> | undefined {
  try {
    return documents.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}
