import type { ASTVisitor, FragmentDefinitionNode, SelectionSetNode, ValidationContext, ValidationRule } from 'graphql';
import { GraphQLError, Kind, OperationTypeNode } from 'graphql';

const MAX_DEPTH = 6;
const MAX_ALIASES = 15;
const MAX_DIRECTIVES = 50;
// The introspection query of an explorer has about 250.
const MAX_SELECTIONS = 400;

/** Maximum length of a document in characters. */
export const MAX_DOCUMENT_CHARACTERS = 15_000;

/** Maximum number of tokens in a document. */
export const MAX_DOCUMENT_TOKENS = 1_000;

/** Maximum number of validation errors that are reported for a document. */
export const MAX_VALIDATION_ERRORS = 5;

/** Maximum number of invalid values that are looked for in the variables of a request. */
export const MAX_VARIABLE_ERRORS = 20;

/** The validation rules for documents, in addition to the rules of the GraphQL specification. */
export const DOCUMENT_RULES: readonly ValidationRule[] = [operationLimitsRule, oneMutationRule];

/** The size of an operation, with each fragment counted wherever it is spread. */
interface Size {
  /** Nesting of fields, without those of introspection. */
  depth: number;
  aliases: number;
  selections: number;
}

/**
 * Limits the depth, aliases and selections of every operation, and the directives of the whole document.
 *
 * Introspection may be deeper, as explorers' queries are: graphql-js itself limits the recursion.
 */
function operationLimitsRule(context: ValidationContext): ASTVisitor {
  const measured = new Map<FragmentDefinitionNode, Size>();
  let directives = 0;
  const refuse = (what: string, limit: number) =>
    context.reportError(
      new GraphQLError(`${what} ${limit}.`, {
        // Apollo overwrites `code` of validation errors, but keeps this.
        extensions: { validationErrorCode: 'OPERATION_TOO_COMPLEX' },
      }),
    );
  return {
    OperationDefinition({ selectionSet }) {
      const { depth, aliases, selections } = measure(selectionSet, context, measured);
      if (depth > MAX_DEPTH) refuse('Fields may be nested to a depth of', MAX_DEPTH);
      if (aliases > MAX_ALIASES) refuse('The number of aliases may be at most', MAX_ALIASES);
      if (selections > MAX_SELECTIONS)
        refuse('The number of selections, fragments unfolded, may be at most', MAX_SELECTIONS);
    },
    Directive() {
      directives += 1;
      if (directives === MAX_DIRECTIVES + 1) refuse('The number of directives may be at most', MAX_DIRECTIVES);
    },
  };
}

function measure(
  { selections }: SelectionSetNode,
  context: ValidationContext,
  measured: Map<FragmentDefinitionNode, Size>,
): Size {
  const total: Size = { depth: 0, aliases: 0, selections: selections.length };
  for (const selection of selections) {
    let size: Size | undefined;
    let ownDepth = 0;
    if (selection.kind === Kind.FIELD) {
      const { name, alias, selectionSet } = selection;
      if (alias !== undefined) total.aliases += 1;
      if (selectionSet !== undefined) size = measure(selectionSet, context, measured);
      if (size !== undefined && (name.value === '__schema' || name.value === '__type')) size.depth = 0;
      ownDepth = 1;
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      size = measure(selection.selectionSet, context, measured);
    } else {
      size = measureFragment(context.getFragment(selection.name.value), context, measured);
    }
    total.depth = Math.max(total.depth, ownDepth + (size?.depth ?? 0));
    total.aliases += size?.aliases ?? 0;
    total.selections += size?.selections ?? 0;
  }
  return total;
}

// Nested fragments can double at every level, so each is measured once.
function measureFragment(
  fragment: FragmentDefinitionNode | null | undefined,
  context: ValidationContext,
  measured: Map<FragmentDefinitionNode, Size>,
): Size | undefined {
  if (!fragment) return undefined;
  const cached = measured.get(fragment);
  if (cached !== undefined) return cached;
  // Another rule refuses fragment cycles; here they must not recurse forever.
  measured.set(fragment, { depth: 0, aliases: 0, selections: 0 });
  const size = measure(fragment.selectionSet, context, measured);
  measured.set(fragment, size);
  return size;
}

/**
 * Allows one root field per mutation, counting fragments and ignoring `@skip` and `@include`: otherwise aliases could
 * put many creates into one request.
 */
function oneMutationRule(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(node) {
      if (node.operation !== OperationTypeNode.MUTATION) return;
      if (countFields(node.selectionSet, context, new Set()) <= 1) return;
      context.reportError(
        new GraphQLError('A request may hold one mutation field. Send each mutation in a request of its own.', {
          nodes: node,
          // Apollo overwrites `code` of validation errors, but keeps this.
          extensions: { validationErrorCode: 'TOO_MANY_OPERATIONS' },
        }),
      );
    },
  };
}

function countFields(
  { selections }: SelectionSetNode,
  context: ValidationContext,
  seen: Set<FragmentDefinitionNode>,
): number {
  let count = 0;
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) count += selection.name.value === '__typename' ? 0 : 1;
    else if (selection.kind === Kind.INLINE_FRAGMENT) count += countFields(selection.selectionSet, context, seen);
    else {
      const fragment = context.getFragment(selection.name.value);
      // Each fragment counts once, which also ends fragment cycles.
      if (fragment && !seen.has(fragment)) count += countFields(fragment.selectionSet, context, seen.add(fragment));
    }
  }
  return count;
}
