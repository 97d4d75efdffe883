import { isObject } from '../lib/json.js';
import type { ConnectionTag } from './connection.js';

// Longer than anything that DLI documents.
const MAX_TEXT_LENGTH = 2_048;
const MAX_REPORTED = 5;
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);
const PAIR = /^([^=]+)=(.*)$/s;
const DECIMAL = /^\s*-?\d{1,20}(?:\.\d{1,20})?\s*$/;

/** The fields of one response that are not as documented, for one line of the log. */
export class UndocumentedFields {
  readonly #first: string[] = [];
  #count = 0;
  /** Number of connections without a valid id. */
  withoutId = 0;

  /** Number of fields that were added. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds a field.
   *
   * @param path our own names and list positions, such as `connections[3].create_time`
   */
  add(path: string, value: unknown): void {
    this.#count += 1;
    if (this.#first.length < MAX_REPORTED) this.#first.push(`${path}: ${kindOf(value)}`);
  }

  /** The first fields and the kinds of their values; undefined if there are none. */
  describe(): string | undefined {
    if (this.#count === 0) return undefined;
    return this.#first.join(', ') + (this.#count > this.#first.length ? ', …' : '');
  }
}

/** Reads the fields of one object. Unreadable fields are null, and undocumented ones are reported. */
export class FieldReader {
  constructor(
    private readonly fields: Readonly<Record<string, unknown>>,
    private readonly path: string,
    private readonly undocumented: UndocumentedFields,
  ) {}

  /** A text, cut to a bounded length. A number is read as its digits. */
  text(name: string): string | null {
    const value = this.#get(name);
    if (value === null) return null;
    if (typeof value === 'string') return value.slice(0, MAX_TEXT_LENGTH);
    this.report(name, value);
    return typeof value === 'number' ? String(value) : null;
  }

  /** A finite number. A text of decimal digits is read as one. */
  number(name: string): number | null {
    const value = this.#get(name);
    if (value === null) return null;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    this.report(name, value);
    return typeof value === 'string' && DECIMAL.test(value) ? Number(value) : null;
  }

  /** A required text of at least one character. */
  requiredText(name: string): string | null {
    const text = this.text(name) || null;
    if (text === null && typeof (this.#get(name) ?? '') === 'string') this.report(name, this.raw(name));
    return text;
  }

  /** A boolean. The texts `true` and `false`, in any case, are read as booleans. */
  flag(name: string): boolean | null {
    const value = this.#get(name);
    if (value === null || typeof value === 'boolean') return value;
    this.report(name, value);
    return typeof value === 'string' ? (FLAGS.get(value.toLowerCase()) ?? null) : null;
  }

  /** A reader of an object; undefined for any other value. */
  object(name: string): FieldReader | undefined {
    const value = this.#get(name);
    return isObject(value) ? new FieldReader(value, `${this.path}${name}.`, this.undocumented) : undefined;
  }

  /** Whether the call succeeded, which is true unless DLI says otherwise. Undefined if it cannot be read. */
  isSuccess(): boolean | undefined {
    return this.#get('is_success') === null ? true : (this.flag('is_success') ?? undefined);
  }

  /** The texts of a list. Other elements are read as {@link text} reads them, or left out. */
  texts(name: string): string[] {
    const list = this.#list(name);
    const elements = new FieldReader({ ...list }, `${this.path}${name}.`, this.undocumented);
    return Object.keys(list).flatMap(position => elements.text(position) ?? []);
  }

  #list(name: string): readonly unknown[] {
    const value = this.#get(name);
    if (value === null) return [];
    if (Array.isArray(value)) return value;
    this.report(name, value);
    return [];
  }

  /** A reader of each object of a list. Other elements are left out. */
  objects(name: string): FieldReader[] {
    return this.#list(name).flatMap((value, index) => {
      const position = `${name}[${index}]`;
      if (isObject(value)) return [new FieldReader(value, `${this.path}${position}.`, this.undocumented)];
      this.report(position, value);
      return [];
    });
  }

  /** The tags of a list of `{key, value}`; null if absent. Texts `key=value` and a single object are read, too. */
  tags(name: string): ConnectionTag[] | null {
    const value = this.#get(name);
    if (Array.isArray(value)) return value.flatMap((element, index) => this.#tag(`${name}[${index}]`, element) ?? []);
    if (value === null) return null;
    this.report(name, value);
    return isObject(value) ? Object.entries(value).flatMap(([key, text]) => tagOf(key, text) ?? []) : null;
  }

  #tag(position: string, element: unknown): ConnectionTag | undefined {
    if (isObject(element)) {
      const fields = new FieldReader(element, `${this.path}${position}.`, this.undocumented);
      const key = fields.text('key');
      return key === null ? undefined : { key, value: fields.text('value') ?? '' };
    }
    this.report(position, element);
    const [, key, value] = typeof element === 'string' ? (PAIR.exec(element) ?? []) : [];
    return key === undefined ? undefined : tagOf(key, value);
  }

  /** The value as it was sent; undefined if there is none. */
  raw(name: string): unknown {
    return Object.hasOwn(this.fields, name) ? this.fields[name] : undefined;
  }

  /** Records that a field is not as documented. */
  report(name: string, value: unknown): void {
    this.undocumented.add(`${this.path}${name}`, value);
  }

  #get(name: string): unknown {
    return this.raw(name) ?? null;
  }
}

function tagOf(key: string, value: unknown): ConnectionTag | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return { key: key.slice(0, MAX_TEXT_LENGTH), value: String(value).slice(0, MAX_TEXT_LENGTH) };
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'list' : typeof value;
}
