import { describe, expect, it } from '@jest/globals';
import { readClientSource, readSource } from '../helpers/source-imports.js';

const EXPORT =
  /^export (?:default |async |abstract |declare )*(?:const|let|function\*?|class|interface|type|enum) (\w+)/;
const CLASS = /^export (?:abstract )?class (\w+)(?!.* (?:extends|implements) )/;
// A class that can be closed says what it holds. Decorated methods have descriptions in the schema.
const METHOD = /^ {2}(?:static |async |abstract )*(?:get |set )?\*?(?!(?:constructor|close)\b)(\w+)(?:<.*>)?\(/;
const DECLARATION = /^(?:export|const|let|async|function|class|interface|type|enum|import)\b/;

/** The names of the declarations that a file exports without a doc comment. Re-exports need none. */
function findUndocumentedExports(text: string): string[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const name = EXPORT.exec(line)?.[1];
    return name === undefined || isDocumented(lines.slice(0, index)) ? [] : [name];
  });
}

/** The public methods and getters that exported classes define themselves, without a doc comment. */
function findUndocumentedMethods(text: string): string[] {
  let className: string | undefined;
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    // Interfaces and base classes document what a class takes over from them.
    if (/^\S/.test(line) && !/^[@)}]/.test(line)) className = CLASS.exec(line)?.[1];
    const name = METHOD.exec(line)?.[1];
    const previous = lines[index - 1] ?? '';
    if (className === undefined || name === undefined || /\*\/$|^ {2}(?:@|\}\))/.test(previous)) return [];
    return [`${className}.${name}`];
  });
}

/** Whether lines end with a doc comment, which decorators may follow. */
function isDocumented(lines: readonly string[]): boolean {
  const end = lines.findLastIndex(line => line.endsWith('*/') || line === '' || DECLARATION.test(line));
  const start = lines.findLastIndex((line, index) => index <= end && line.startsWith('/*'));
  return lines[end]?.endsWith('*/') === true && lines[start]?.startsWith('/**') === true;
}

describe('the doc comments of src and client/src', () => {
  it('cover every exported declaration', () => {
    const undocumented = [...readSource(), ...readClientSource()].flatMap(({ path, text }) =>
      findUndocumentedExports(text).map(name => `${path}: ${name}`),
    );
    expect(undocumented).toEqual([]);
  });

  it('cover every public method of an exported class', () => {
    const undocumented = [...readSource(), ...readClientSource()].flatMap(({ path, text }) =>
      findUndocumentedMethods(text).map(name => `${path}: ${name}`),
    );
    expect(undocumented).toEqual([]);
  });

  it.each([
    ['export class A {\n  b(): void {}\n}', ['A.b']],
    ['export class A {\n  /** About b. */\n  b(): void {}\n\n  static async c<T>(): void {}\n}', ['A.c']],
    ['export class A<T> {\n  get b(): T {', ['A.b']],
    ['export class A {\n  constructor() {}\n\n  #b(): void {}\n\n  close(): void {}\n}', []],
    ['export class A implements B {\n  b(): void {}\n}', []],
    ['export class A {}\n\nclass B {\n  b(): void {}\n}', []],
    ["export class A {\n  @Query(() => B, {\n    description: 'B.',\n  })\n  b(): void {}\n}", []],
  ])('are checked for methods: %j', (text, undocumented) => {
    expect(findUndocumentedMethods(text)).toEqual(undocumented);
  });

  it.each([
    ['export const A = 1;', ['A']],
    ['/** About A. */\nexport const A = 1;', []],
    ['/**\n * About A.\n */\nexport abstract class A {}', []],
    ["/** About A. */\n@ObjectType('A', {\n  description: 'A.',\n})\nexport class A {}", []],
    ['/* Not about A. */\nexport interface A {}', ['A']],
    ['// Not about A.\nexport type A = 1;', ['A']],
    ['/** About A. */\nexport const A = 1;\nexport const B = 2;', ['B']],
    ['/** About the file. */\n\nexport async function a() {}', ['a']],
    ["export { A } from './a.js';", []],
  ])('are checked: %j', (text, undocumented) => {
    expect(findUndocumentedExports(text)).toEqual(undocumented);
  });
});
