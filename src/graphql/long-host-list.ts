import { Kind, OperationTypeNode } from 'graphql';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { isObject } from '../lib/json.js';
import { tryParse } from './document-limits.js';

type HostList = NonNullable<RequestContext['hosts']>;

/** The only mutation whose input may have a list of hosts beyond the limits of requests. */
const FIELD = 'createEnhancedDatasourceConnection';

/**
 * The name of the variable that holds the input of `createEnhancedDatasourceConnection`. Undefined when the document
 * does anything else, or cannot be parsed.
 */
export function findInputVariable(text: string): string | undefined {
  const document = tryParse(text);
  if (document === undefined) return undefined;
  const [operation, ...others] = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  if (operation?.kind !== Kind.OPERATION_DEFINITION || others.length > 0) return undefined;
  const [field, ...otherFields] = operation.selectionSet.selections;
  if (operation.operation !== OperationTypeNode.MUTATION || field?.kind !== Kind.FIELD || otherFields.length > 0)
    return undefined;
  const input = field.arguments?.find(({ name }) => name.value === 'input')?.value;
  return field.name.value === FIELD && input?.kind === Kind.VARIABLE ? input.name.value : undefined;
}

/** Whether a value has the form of `[HostMappingInput!]`, for which graphql-js would need a tenth of a second. */
export function isHostList(value: unknown): value is HostList {
  return Array.isArray(value) && value.every(isHost);
}

function isHost(value: unknown): boolean {
  if (!isObject(value) || typeof value['name'] !== 'string' || typeof value['ip'] !== 'string') return false;
  return Object.keys(value).length === 2;
}

/** Puts the hosts of a request into the input that they were taken from. */
export function restoreHosts(argument: unknown, hosts: HostList): void {
  if (isObject(argument) && Array.isArray(argument['hosts'])) Object.assign(argument, { hosts });
}
