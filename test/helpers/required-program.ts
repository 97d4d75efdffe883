import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from '@jest/globals';

/** Environment variables with the path of a program that is not on PATH. */
const PATH_VARIABLES: Readonly<Record<string, string>> = { chromium: 'CHROMIUM' };

/**
 * Groups tests that need a program which npm does not install. If it is missing, they are skipped with a message;
 * with `CI=true` they fail.
 *
 * @param program its name on PATH
 * @param tests registers the tests; called with the program's path
 */
export function describeWithProgram(program: string, title: string, tests: (path: string) => void): void {
  const path = findProgram(program);
  if (path !== undefined) {
    describe(title, () => tests(path));
    return;
  }
  const reason = `${program} is not on this machine`;
  if (process.env['CI'] === 'true') {
    describe(title, () => {
      it(`needs ${program}`, () => {
        throw new Error(`${reason}, and CI=true allows no skipped tests.`);
      });
    });
    return;
  }
  process.stderr.write(`Skipped: ${title}, because ${reason}.\n`);
  // Outside CI only: in CI the missing program has failed above.
  describe.skip(`${title} (${reason})`, () => tests(''));
}

function findProgram(name: string): string | undefined {
  const variable = PATH_VARIABLES[name];
  const chosen = variable === undefined ? undefined : process.env[variable];
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(folder => folder !== '');
  const candidates = chosen ? [chosen] : folders.map(folder => join(folder, name));
  return candidates.find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
