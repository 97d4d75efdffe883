import type { ASTVisitor, FragmentDefinitionNode, SelectionSetNode, ValidationContext } from 'graphql';
import { GraphQLError, Kind, OperationTypeNode } from 'graphql';

/**
 * Allows one root field per mutation, counted through fragments and whatever `@skip` and `@include` say.
 *
 * Aliases would otherwise make one request many creates, which no limit on requests sees.
 */
export function oneMutationRule(context: ValidationContext): ASTVisitor {
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
