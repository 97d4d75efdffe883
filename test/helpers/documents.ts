import { existsSync, readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

/** The README and the documents of `docs/`, in the order in which the tests run their examples. */
export const DOCUMENTS = [
  'README.md',
  'docs/create.md',
  'docs/read-and-watch.md',
  'docs/delete.md',
  'docs/enhanced.md',
  'docs/clients.md',
  'client/README.md',
  'docs/errors.md',
  'docs/authentication.md',
  'docs/supergraph.md',
  'docs/configuration.md',
  'docs/operation-records.md',
  'docs/operation.md',
  'docs/emulator.md',
  'docs/architecture.md',
  'docs/sources.md',
  'docs/performance.md',
] as const;

/** The text of a file, by its path in the repository. */
export function readDocument(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

/** The text of all {@link DOCUMENTS}, concatenated. */
export function readDocuments(): string {
  return DOCUMENTS.map(readDocument).join('\n');
}

/** Whether the repository has a file or folder at this path. */
export function isInRepository(path: string): boolean {
  return existsSync(new URL(path, ROOT));
}

/** The shell commands of a section of a document, in their order. */
export function commandsOf(path: string, heading: string): string[] {
  const section =
    readDocument(path)
      .split(/^## /m)
      .find(text => text.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, command = '']) => command);
}
