import type { ASTNode, DocumentNode, GraphQLError, GraphQLInputType, GraphQLSchema } from 'graphql';
import { BREAK, Kind, TypeInfo, visit, visitWithTypeInfo } from 'graphql';
import { describeInputError } from './describe-input-error.js';
import type { InputPath } from './input-type-path.js';

const VALUE_KINDS: ReadonlySet<string> = new Set([
  Kind.INT,
  Kind.FLOAT,
  Kind.STRING,
  Kind.BOOLEAN,
  Kind.NULL,
  Kind.ENUM,
  Kind.LIST,
  Kind.OBJECT,
  Kind.OBJECT_FIELD,
]);

/**
 * The message for a value that stands in the document and does not fit, told without the value.
 *
 * @returns undefined when the error is not about a value
 */
export function describeLiteralError(
  error: GraphQLError,
  schema: GraphQLSchema,
  document: DocumentNode,
): string | undefined {
  const [node] = error.nodes ?? [];
  if (node === undefined || !VALUE_KINDS.has(node.kind)) return undefined;
  const { path, type } = locate(node, schema, document);
  // The node of an unknown field is the field itself; the message names it relative to its parent.
  const isField = node.kind === Kind.OBJECT_FIELD;
  return describeInputError(isField ? path.slice(0, -1) : path, isField ? undefined : type, error.message);
}

function locate(target: ASTNode, schema: GraphQLSchema, document: DocumentNode) {
  const typeInfo = new TypeInfo(schema);
  let path: InputPath = [];
  let type: GraphQLInputType | undefined;
  visit(
    document,
    visitWithTypeInfo(typeInfo, {
      enter(node, _key, parent, _path, ancestors) {
        if (node !== target) return undefined;
        type = typeInfo.getInputType() ?? undefined;
        // Lists of siblings stand among the ancestors too.
        path = [...ancestors, parent, node].filter(isNode).flatMap(stepOf);
        return BREAK;
      },
    }),
  );
  return { path, type };
}

function isNode(ancestor: ASTNode | readonly ASTNode[] | undefined): ancestor is ASTNode {
  return ancestor !== undefined && 'kind' in ancestor;
}

function stepOf(node: ASTNode): string[] {
  if (node.kind === Kind.VARIABLE_DEFINITION) return [node.variable.name.value];
  return node.kind === Kind.ARGUMENT || node.kind === Kind.OBJECT_FIELD ? [node.name.value] : [];
}
