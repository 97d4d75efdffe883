import type { ValidationRule } from 'graphql';
import { oneMutationRule } from './one-mutation-rule.js';
import { operationLimitsRule } from './operation-limits-rule.js';

/** The longest document that is looked at, in characters. */
export const MAX_DOCUMENT_CHARACTERS = 15_000;

/** The most tokens of a document that are read. */
export const MAX_DOCUMENT_TOKENS = 1_000;

/** The most problems of a document that are told. */
export const MAX_VALIDATION_ERRORS = 5;

/** What a document must keep beside the rules of GraphQL itself. */
export const DOCUMENT_RULES: readonly ValidationRule[] = [operationLimitsRule, oneMutationRule];
