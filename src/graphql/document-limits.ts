import type {
  ASTVisitor,
  FragmentDefinitionNode,
  SelectionSetNode,
  ValidationContext,
  ValidationRule,
} from 'graphql';
import { GraphQLError, Kind, OperationTypeNode } from 'graphql';

const MAX_DEPTH = 6;
const MAX_ALIASES = 15;
const MAX_DIRECTIVES = 50;
// An explorer's schema query has about 250.
const MAX_SELECTIONS = 400;

/** What an operation asks for, each fragment counted at every place where it is spread. */
interface Size {
  /** Fields below fields; those of the schema query do not count. */
  depth: number;
  aliases: number;
  selections: number;
}

/**
 * Bounds the depth, aliases and selections of every operation, as they are executed, and the directives of the
 * whole document.
 *
 * A schema query may be deeper, as that of every explorer is: graphql-js bounds by itself how often it goes round.
 */
function operationLimitsRule(context: ValidationContext): ASTVisitor {
  const measured = new Map<FragmentDefinitionNode, Size>();
  let directives = 0;
  const refuse = (what: string, limit: number) =>
    context.reportError(
      new GraphQLError(`${what} ${limit}.`, {
        // Apollo replaces the code of a rule's error by one of its own, and leaves this.
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
      if (directives === MAX_DIRECTIVES + 1)
        refuse('The number of directives may be at most', MAX_DIRECTIVES);
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

// Fragments of fragments double with every step, so each is measured once.
function measureFragment(
  fragment: FragmentDefinitionNode | null | undefined,
  context: ValidationContext,
  measured: Map<FragmentDefinitionNode, Size>,
): Size | undefined {
  if (!fragment) return undefined;
  const known = measured.get(fragment);
  if (known !== undefined) return known;
  // One that spreads itself is refused by another rule, and must not go round here.
  measured.set(fragment, { depth: 0, aliases: 0, selections: 0 });
  const size = measure(fragment.selectionSet, context, measured);
  measured.set(fragment, size);
  return size;
}

/** The longest document that is looked at, in characters. */
export const MAX_DOCUMENT_CHARACTERS = 15_000;

/** The most tokens of a document that are read. */
export const MAX_DOCUMENT_TOKENS = 1_000;

/** The most problems of a document that are told. */
export const MAX_VALIDATION_ERRORS = 5;

/** What a document must keep beside the rules of GraphQL itself. */
export const DOCUMENT_RULES: readonly ValidationRule[] = [operationLimitsRule, oneMutationRule];

/**
 * Allows one root field per mutation, counted through fragments and whatever `@skip` and `@include` say.
 *
 * Aliases would otherwise make one request many creates, which no limit on requests sees.
 */
function oneMutationRule(context: ValidationContext): ASTVisitor {
  return {
    OperationDefinition(node) {
      if (node.operation !== OperationTypeNode.MUTATION) return;
      if (countFields(node.selectionSet, context, new Set()) <= 1) return;
      context.reportError(
        new GraphQLError(
          'A request may hold one mutation field. Send each mutation in a request of its own.',
          {
            nodes: node,
            // Apollo replaces the code of a rule's error by one of its own, and leaves this.
            extensions: { validationErrorCode: 'TOO_MANY_OPERATIONS' },
          },
        ),
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
    else if (selection.kind === Kind.INLINE_FRAGMENT)
      count += countFields(selection.selectionSet, context, seen);
    else {
      const fragment = context.getFragment(selection.name.value);
      // A fragment counts once, and one that spreads itself must not go round for ever.
      if (fragment && !seen.has(fragment))
        count += countFields(fragment.selectionSet, context, seen.add(fragment));
    }
  }
  return count;
}
