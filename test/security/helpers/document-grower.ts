import type { GraphQLArgument, GraphQLCompositeType, GraphQLField, GraphQLInputType, GraphQLSchema } from 'graphql';
import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isUnionType,
  OperationTypeNode,
} from 'graphql';
import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';
import { integer, RawText, shuffled, withProbability } from './odd-values.js';

/** A document and the other parts of its request. */
export interface GrownDocument {
  query: string;
  variables: Record<string, unknown>;
  operationName: string | undefined;
}

/** Chooses the value of an argument; undefined leaves it out. */
export type ArgumentValues = (argument: GraphQLArgument) => unknown;

/** The selections that the tests need from every payload. */
const ALWAYS: Readonly<Record<string, string>> = {
  CreateDatasourceConnectionPayload:
    '__typename ... on UserError { code } ... on CreateDatasourceConnectionSuccess { connectionId } ... on OutcomeUnknownError { idempotencyKey }',
  DeleteDatasourceConnectionPayload:
    '__typename ... on UserError { code } ... on DeleteDatasourceConnectionSuccess { connectionId }',
  CreateEnhancedDatasourceConnectionPayload:
    '__typename ... on UserError { code } ... on CreateEnhancedDatasourceConnectionSuccess { connectionId }',
  BindDatasourceConnectionPayload: '__typename ... on UserError { code }',
  UnbindDatasourceConnectionPayload: '__typename ... on UserError { code }',
};
const CHANCES = { alias: 0.1, directive: 0.05, fragment: 0.15, inlineFragment: 0.2, optional: 0.4, inline: 0.4 };
const MAX_ALIASES = 12;
const MAX_OPERATIONS = 3;
const SEPARATORS = [' ', ' ', ' ', '\n', ', ', '\t', ' # comment\n', '\ufeff '];

/** Generates one valid document of random shape from a schema. */
export class DocumentGenerator {
  readonly #fragments: string[] = [];
  readonly #variables: Record<string, unknown> = {};
  /** The variables of the operation that is being generated. */
  #declarations: string[] = [];
  #aliases = 0;
  #names = 0;

  /** @param mayInline whether values may be literals of the document instead of variables */
  constructor(
    private readonly random: Random,
    private readonly schema: GraphQLSchema,
    private readonly values: ArgumentValues,
    private readonly mayInline: boolean,
  ) {}

  /** Generates a document whose executed operation has this root field; further operations, if any, select services. */
  grow(kind: OperationTypeNode, rootField: string): GrownDocument {
    const { random } = this;
    const others = withProbability(random, 0.15) ? integer(random, 1, MAX_OPERATIONS - 1) : 0;
    const name = others > 0 || withProbability(random, 0.7) ? this.#name('Operation') : '';
    const operations = [this.#operation(kind, rootField, name)];
    for (let count = 0; count < others; count += 1)
      operations.push(this.#operation(OperationTypeNode.QUERY, 'datasourceServices', this.#name('Other')));
    return {
      query: shuffled(random, [...operations, ...this.#fragments]).join(pick(random, SEPARATORS)),
      variables: this.#variables,
      operationName: name !== '' && (others > 0 || withProbability(random, 0.3)) ? name : undefined,
    };
  }

  #operation(kind: OperationTypeNode, rootField: string, name: string): string {
    this.#declarations = [];
    this.#aliases = 0;
    const root = this.schema.getRootType(kind);
    const field = root?.getFields()[rootField];
    if (root == null || field === undefined) throw new Error(`The schema has no ${kind} ${rootField}.`);
    const isQuery = kind === OperationTypeNode.QUERY;
    const selections = [this.#field(field, withProbability(this.random, 0.3))];
    if (isQuery && withProbability(this.random, 0.3)) selections.push(this.#field(field, true));
    if (isQuery && withProbability(this.random, 0.2)) selections.push('__typename');
    const set = this.#joined(shuffled(this.random, selections));
    const body = withProbability(this.random, CHANCES.fragment) ? this.#inFragment(root.name, set) : set;
    if (isQuery && name === '' && this.#declarations.length === 0) return `{ ${body} }`;
    const variables = this.#declarations.length === 0 ? '' : `(${this.#declarations.join(', ')})`;
    return `${kind} ${name}${variables} { ${body} }`;
  }

  #field(field: GraphQLField<unknown, unknown>, isAliased: boolean): string {
    const type = getNamedType(field.type);
    const alias = isAliased && this.#aliases < MAX_ALIASES ? `${this.#alias()}: ` : '';
    const values = field.args.flatMap(argument => {
      const value = this.values(argument);
      return value === undefined ? [] : [`${argument.name}: ${this.#value(value, argument.type)}`];
    });
    const args = values.length === 0 ? '' : `(${values.join(', ')})`;
    const selections = isCompositeType(type) ? ` { ${this.#selections(type)} }` : '';
    return `${alias}${field.name}${args}${this.#directive()}${selections}`;
  }

  #selections(type: GraphQLCompositeType): string {
    const always = ALWAYS[type.name];
    const parts = always === undefined ? [] : [always];
    if (isAbstractType(type))
      for (const member of shuffled(this.random, this.schema.getPossibleTypes(type)))
        if (withProbability(this.random, 0.6))
          parts.push(`... on ${member.name}${this.#directive()} { ${this.#fields(member)} }`);
    if (!isUnionType(type)) parts.push(this.#fields(type));
    if (parts.length === 0) parts.push('__typename');
    return this.#joined(shuffled(this.random, parts));
  }

  #fields(type: Exclude<GraphQLCompositeType, { getTypes(): unknown }>): string {
    const all = shuffled(this.random, Object.values(type.getFields()));
    const fields = all.slice(0, integer(this.random, 1, all.length));
    const set = this.#joined(fields.map(field => this.#field(field, withProbability(this.random, CHANCES.alias))));
    if (withProbability(this.random, CHANCES.fragment)) return this.#inFragment(type.name, set);
    if (withProbability(this.random, CHANCES.inlineFragment)) return `...${this.#directive()} { ${set} }`;
    return set;
  }

  #inFragment(typeName: string, set: string): string {
    const name = this.#name('Fragment');
    this.#fragments.push(`fragment ${name} on ${typeName} { ${set} }`);
    return `...${name}`;
  }

  #directive(): string {
    if (!withProbability(this.random, CHANCES.directive)) return '';
    const [name, condition] = pick(this.random, [['include', true] as const, ['skip', false] as const]);
    if (withProbability(this.random, 0.5)) return ` @${name}(if: ${condition})`;
    const variable = this.#name('v');
    this.#declarations.push(`$${variable}: Boolean!`);
    this.#variables[variable] = condition;
    return ` @${name}(if: $${variable})`;
  }

  #value(value: unknown, type: GraphQLInputType): string {
    if (this.mayInline && withProbability(this.random, CHANCES.inline)) return writeLiteral(value, type);
    const variable = this.#name('v');
    this.#declarations.push(`$${variable}: ${String(type)}`);
    this.#variables[variable] = value;
    return `$${variable}`;
  }

  #joined(parts: readonly string[]): string {
    return parts.join(pick(this.random, SEPARATORS));
  }

  #alias(): string {
    this.#aliases += 1;
    return this.#name('alias');
  }

  #name(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }
}

/** Prints a value as a literal of a document. */
function writeLiteral(value: unknown, type: GraphQLInputType | undefined): string {
  const nullable = type && getNullableType(type);
  if (value instanceof RawText) return value.text;
  if (Array.isArray(value))
    return `[${value.map(item => writeLiteral(item, isListType(nullable) ? nullable.ofType : undefined)).join()}]`;
  if (isEnumType(nullable) && typeof value === 'string' && /^\w+$/.test(value)) return value;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = isInputObjectType(nullable) ? nullable.getFields() : {};
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${key}: ${writeLiteral(member, fields[key]?.type)}`).join(' ')}}`;
}
