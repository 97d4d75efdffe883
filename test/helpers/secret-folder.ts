import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';

/** A folder of secrets as Kubernetes mounts it: symbolic links to a version, so that all change at once. */
export interface SecretFolder {
  /** Variables that name the file of each secret. */
  env: Record<string, string>;
  /** Replaces all values at once. */
  swap(values: Readonly<Record<string, string>>): void;
  /** Writes a single value, as a person would by hand. */
  write(key: string, value: string): void;
}

const made: string[] = [];

afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

/** Creates such a folder; it is removed after the test. */
export function createSecretFolder(values: Readonly<Record<string, string>>): SecretFolder {
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  made.push(folder);
  let version = 0;
  function swap(next: Readonly<Record<string, string>>): void {
    version += 1;
    mkdirSync(join(folder, `..v${version}`));
    for (const [key, value] of Object.entries(next))
      writeFileSync(join(folder, `..v${version}`, key), `${value}\n`, { mode: 0o400 });
    symlinkSync(`..v${version}`, join(folder, '..new'));
    renameSync(join(folder, '..new'), join(folder, '..data'));
  }
  swap(values);
  for (const key of Object.keys(values)) symlinkSync(join('..data', key), join(folder, key));
  return {
    env: Object.fromEntries(Object.keys(values).map(key => [`${key}_FILE`, join(folder, key)])),
    swap,
    write(key, value) {
      const path = join(folder, '..data', key);
      writeFileSync(`${path}.new`, value, { mode: 0o400 });
      renameSync(`${path}.new`, path);
    },
  };
}
