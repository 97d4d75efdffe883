import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of this package. */
export const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));

/** A code block of a document, and the block after it. */
export interface Block {
  title: string;
  language: string;
  code: string;
  /** What the code prints, if the document says it. */
  output: string | undefined;
}

/** The code blocks of a document, by its path in the repository. */
export function readBlocks(document: string): Block[] {
  const text = readFileSync(new URL(document, new URL('../../../', import.meta.url)), 'utf8');
  const blocks = [...text.matchAll(/(?:^#+ ([^\n]*)$(?:(?!^#+ |^```).)*?)?^```(\w*)\n(.*?)^```$/gms)];
  let title = '';
  return blocks.map(([, heading, language = '', code = ''], index) => {
    title = heading ?? title;
    const [, , nextLanguage, output] = blocks[index + 1] ?? [];
    return { title, language, code, output: nextLanguage === 'text' ? output : undefined };
  });
}
