import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { platform } from 'node:os';
import { z } from 'zod';

const MAY_OTHERS_READ = 0o004;

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One key that is wrong, and the rule it breaks; never its value. */
export interface Problem {
  key: string;
  rule: string;
}

/** What the environment says, read. */
export interface ReadEnvironment {
  values: Record<string, string>;
  /** The paths of the secrets that stand in files, by their keys. */
  files: Record<string, string>;
  problems: Problem[];
}

/**
 * The values of the given keys. A secret may instead stand in the file that `NAME_FILE` names, where one
 * line break at the end does not count, and which others than its owner and group must not be able to read.
 * An empty value counts as not given.
 *
 * @param secretKeys which of the keys are secrets
 */
export function readEnvironment(
  env: Environment,
  keys: readonly string[],
  secretKeys: readonly string[],
): ReadEnvironment {
  const values: Record<string, string> = {};
  const files: Record<string, string> = {};
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
    const secret = readSecret(path);
    if (secret === 'unreadable') {
      problems.push({ key: fileKey, rule: 'must name a readable file that is not empty' });
    } else if (secret === 'readableByAll') {
      problems.push({
        key: fileKey,
        rule: 'must name a file that only its owner and group can read, such as one of mode 0400',
      });
    } else {
      values[key] = secret.text;
      files[key] = path;
    }
  }
  return { values, files, problems };
}

/** Whether everybody on this machine can read a file. */
export function isReadableByAll({ mode }: { mode: number }): boolean {
  // Windows has no such rights, and its files always look as if all could read them.
  return platform() !== 'win32' && (mode & MAY_OTHERS_READ) !== 0;
}

/** A text without the one line break that editors put at its end. */
export function withoutLineBreak(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function readSecret(path: string): 'unreadable' | 'readableByAll' | { text: string } {
  try {
    const text = withoutLineBreak(readFileSync(path, 'utf8'));
    if (text === '') return 'unreadable';
    return isReadableByAll(statSync(path)) ? 'readableByAll' : { text };
  } catch {
    return 'unreadable';
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const documents = z.record(z.string().regex(/^[\x21-\x7e]{1,256}$/), z.string().min(1));

/** The certificates of a PEM file; undefined when it cannot be read, or holds none or a broken one. */
export function readCertificates(path: string): readonly string[] | undefined {
  try {
    const certificates = readFileSync(path, 'utf8').match(CERTIFICATE) ?? [];
    for (const certificate of certificates) new X509Certificate(certificate);
    return certificates.length === 0 ? undefined : certificates;
  } catch {
    return undefined;
  }
}

/** The documents of a manifest, by their ids; undefined when it cannot be read or has another form. */
export function readDocuments(path: string): Readonly<Record<string, string>> | undefined {
  try {
    return documents.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}
