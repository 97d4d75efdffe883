import type {
  ASTVisitor,
  DirectiveNode,
  DocumentNode,
  FragmentDefinitionNode,
  OperationDefinitionNode,
  SelectionNode,
  SelectionSetNode,
  ValidationContext,
  ValidationRule,
} from 'graphql';
import { GraphQLError, Kind, OperationTypeNode, parse, visit } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { OperationSummary } from '../datasource-connection/request-context.js';

const MAX_DEPTH = 6;
const MAX_ALIASES = 15;
const MAX_DIRECTIVES = 50;
const MAX_FRAGMENTS = 50;
const MAX_REPETITIONS = 100;
// The introspection query of an explorer has about 250.
const MAX_SELECTIONS = 400;

/** Checked before a document is parsed. */
export const MAX_DOCUMENT_CHARACTERS = 15_000;

/** Options for parsing documents. */
export const PARSE_OPTIONS = { maxTokens: 1_000 };

/** Parses a document for checks before its execution; undefined if it cannot be parsed. */
export function tryParse(text: string): DocumentNode | undefined {
  try {
    return parse(text, { ...PARSE_OPTIONS, noLocation: true });
  } catch {
    return undefined;
  }
}

/** Options for validating documents: how many errors are reported, and without suggestions of names. */
export const VALIDATION_OPTIONS = { maxErrors: 5, hideSuggestions: true };

/** Options for execution: after how many invalid values in the variables of a request checking stops. */
export const EXECUTION_OPTIONS = { maxCoercionErrors: 20 };

/** The validation rules for documents, in addition to the rules of the GraphQL specification. */
export const DOCUMENT_RULES: readonly ValidationRule[] = [oneMutationRule];

/** The errors of documents that are refused before validation. `code` is sent as `extensions.code`. */
export const DOCUMENT_LIMIT_ERRORS = {
  fragmentCycle: {
    code: 'GRAPHQL_VALIDATION_FAILED',
    message: 'A fragment must not contain itself, not even through other fragments.',
  },
  conditionalSubscription: {
    code: 'GRAPHQL_VALIDATION_FAILED',
    message: 'The field of a subscription must not have @skip or @include.',
  },
  fieldsTooDeep: { code: 'OPERATION_TOO_COMPLEX', message: `Fields may be nested to a depth of ${MAX_DEPTH}.` },
  tooManyAliases: { code: 'OPERATION_TOO_COMPLEX', message: `The number of aliases may be at most ${MAX_ALIASES}.` },
  tooManySelections: {
    code: 'OPERATION_TOO_COMPLEX',
    message: `The number of selections, fragments unfolded, may be at most ${MAX_SELECTIONS}.`,
  },
  tooManyDirectives: {
    code: 'OPERATION_TOO_COMPLEX',
    message: `The number of directives may be at most ${MAX_DIRECTIVES}.`,
  },
  tooManyFragments: {
    code: 'OPERATION_TOO_COMPLEX',
    message: `The number of fragments may be at most ${MAX_FRAGMENTS}.`,
  },
  tooManyRepetitions: {
    code: 'OPERATION_TOO_COMPLEX',
    message: `A field may be selected at most ${MAX_REPETITIONS} times in a document.`,
  },
} as const;

type DocumentLimitErrorName = keyof typeof DOCUMENT_LIMIT_ERRORS;

// Documents that need not be checked again: clients keep sending the same few. The size is in characters.
const withinLimits = new LRUCache<string, true>({
  max: 500,
  maxSize: 1_000_000,
  sizeCalculation: (_value, text) => text.length,
});

/**
 * Parses and checks a document whose length has been checked, see {@link findExceededLimit}. Also returns undefined if
 * it cannot be parsed, which is reported when it is executed.
 */
export function findExceededLimitOfText(text: string): DocumentLimitErrorName | undefined {
  if (withinLimits.has(text)) return undefined;
  const document = tryParse(text);
  if (document === undefined) return undefined;
  const exceeded = findExceededLimit(document);
  if (exceeded === undefined) withinLimits.set(text, true);
  return exceeded;
}

/**
 * Checks a document before it is validated. Returns the first limit that it exceeds; undefined if there is none.
 *
 * The limits are not validation rules, because they bound the time of validation, which grows with the square of
 * fields and fragments. Where graphql-js would throw instead of reporting an error, the document is refused here as
 * well: with fragments that contain themselves its stack overflows.
 */
export function findExceededLimit(document: DocumentNode): DocumentLimitErrorName | undefined {
  const fragments = document.definitions.filter(definition => definition.kind === Kind.FRAGMENT_DEFINITION);
  const operations = document.definitions.filter(definition => definition.kind === Kind.OPERATION_DEFINITION);
  const measure = createMeasurement(fragments);
  const sizes = [...operations, ...fragments].map(({ selectionSet }) => measure(selectionSet));
  const operationSizes = sizes.slice(0, operations.length);
  if (sizes.some(({ isCyclic }) => isCyclic)) return 'fragmentCycle';
  if (operations.some(operation => isConditionalSubscription(operation, fragments))) return 'conditionalSubscription';
  // A fragment of an explorer's introspection query alone is deeper.
  if (operationSizes.some(({ depth }) => depth > MAX_DEPTH)) return 'fieldsTooDeep';
  if (operationSizes.some(({ aliases }) => aliases > MAX_ALIASES)) return 'tooManyAliases';
  if (sizes.some(({ selections }) => selections > MAX_SELECTIONS)) return 'tooManySelections';
  const { directives, repetitions } = countNodes(document);
  if (directives > MAX_DIRECTIVES) return 'tooManyDirectives';
  if (fragments.length > MAX_FRAGMENTS) return 'tooManyFragments';
  return repetitions > MAX_REPETITIONS ? 'tooManyRepetitions' : undefined;
}

/**
 * Whether a subscription may skip its field, which the GraphQL specification forbids (section 5.2.4.1). graphql-js does
 * not, but evaluates the condition without the variables, and throws.
 */
function isConditionalSubscription(
  { operation, selectionSet }: OperationDefinitionNode,
  fragments: readonly FragmentDefinitionNode[],
): boolean {
  const seen = new Set<SelectionSetNode>();
  const hasCondition = (set: SelectionSetNode | undefined): boolean => {
    if (set === undefined || seen.has(set)) return false;
    seen.add(set);
    return set.selections.some(selection => {
      if (selection.directives?.some(isCondition)) return true;
      if (selection.kind === Kind.FIELD) return false;
      if (selection.kind === Kind.INLINE_FRAGMENT) return hasCondition(selection.selectionSet);
      return hasCondition(fragments.find(({ name }) => name.value === selection.name.value)?.selectionSet);
    });
  };
  return operation === OperationTypeNode.SUBSCRIPTION && hasCondition(selectionSet);
}

function isCondition({ name }: DirectiveNode): boolean {
  return name.value === 'skip' || name.value === 'include';
}

/** Counts the directives of a document, and the selections of its most frequent response name. */
function countNodes(document: DocumentNode): { directives: number; repetitions: number } {
  let directives = 0;
  const selected = new Map<string, number>();
  visit(document, {
    Directive() {
      directives += 1;
    },
    Field({ name, alias = name }) {
      selected.set(alias.value, (selected.get(alias.value) ?? 0) + 1);
    },
  });
  return { directives, repetitions: Math.max(0, ...selected.values()) };
}

/** The size of a selection set, with each fragment counted wherever it is spread. */
interface Size {
  /** Nesting of fields, without those of introspection, which may be deeper: graphql-js limits its recursion. */
  depth: number;
  aliases: number;
  selections: number;
  /** Whether a fragment contains itself. The numbers are meaningless then. */
  isCyclic: boolean;
}

const NOTHING: Readonly<Size> = { depth: 0, aliases: 0, selections: 0, isCyclic: false };

/** Creates a function that measures selection sets which may spread these fragments. */
function createMeasurement(fragments: readonly FragmentDefinitionNode[]): (set: SelectionSetNode) => Size {
  const byName = new Map(fragments.map(fragment => [fragment.name.value, fragment]));
  const measured = new Map<FragmentDefinitionNode, Readonly<Size>>();
  return measure;

  function measure({ selections }: SelectionSetNode): Size {
    const total: Size = { ...NOTHING, selections: selections.length };
    for (const selection of selections) {
      const { depth, aliases, selections: count, isCyclic } = measureSelection(selection);
      total.depth = Math.max(total.depth, depth);
      total.aliases += aliases;
      total.selections += count;
      total.isCyclic ||= isCyclic;
    }
    return total;
  }

  function measureSelection(selection: SelectionNode): Readonly<Size> {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return measureFragment(byName.get(selection.name.value));
    if (selection.kind === Kind.INLINE_FRAGMENT) return measure(selection.selectionSet);
    const { name, alias, selectionSet } = selection;
    const size = selectionSet === undefined ? NOTHING : measure(selectionSet);
    const isIntrospection = name.value === '__schema' || name.value === '__type';
    return {
      ...size,
      depth: 1 + (isIntrospection ? 0 : size.depth),
      aliases: size.aliases + (alias === undefined ? 0 : 1),
    };
  }

  // Nested fragments can double at every level, so each is measured once.
  function measureFragment(fragment: FragmentDefinitionNode | undefined): Readonly<Size> {
    // A validation rule refuses unknown fragments.
    if (fragment === undefined) return NOTHING;
    const known = measured.get(fragment);
    if (known !== undefined) return known;
    measured.set(fragment, { ...NOTHING, isCyclic: true });
    const size = measure(fragment.selectionSet);
    measured.set(fragment, size);
    return size;
  }
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
      // A fragment counts once: fields of the same response name are executed once.
      if (fragment && !seen.has(fragment)) count += countFields(fragment.selectionSet, context, seen.add(fragment));
    }
  }
  return count;
}

/** Records the kind and the root fields of a valid operation, for the log. */
export function recordOperation(
  summary: OperationSummary,
  document: DocumentNode,
  { operation, selectionSet }: OperationDefinitionNode,
): void {
  const names = rootFieldsOf(selectionSet, document, new Set());
  const [field] = names;
  summary.kind = `${operation}` as const;
  if (field !== undefined) summary.field = field;
  if (names.length > 1) summary.fields = names.length;
}

/** The names of the root fields as they are written. Each fragment counts once, however often it is spread. */
function rootFieldsOf(selectionSet: SelectionSetNode, document: DocumentNode, seen: Set<string>): string[] {
  return selectionSet.selections.flatMap(selection => {
    if (selection.kind === Kind.FIELD) return selection.name.value;
    if (selection.kind === Kind.INLINE_FRAGMENT) return rootFieldsOf(selection.selectionSet, document, seen);
    const name = selection.name.value;
    if (seen.has(name)) return [];
    seen.add(name);
    const fragment = document.definitions.find(
      each => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === name,
    );
    return fragment?.kind === Kind.FRAGMENT_DEFINITION ? rootFieldsOf(fragment.selectionSet, document, seen) : [];
  });
}
