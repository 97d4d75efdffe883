import type { AnyCreatePayload } from './gateway.js';
import type { GatewayProblem } from './gateway-problem.js';
import type { FieldProblem } from './input-rules.js';

/** What the answer to a create means for the form. */
export type CreateOutcome =
  | { kind: 'created'; id: string; notBound: readonly { name: string; message: string }[] }
  | { kind: 'problems'; problems: readonly FieldProblem[] }
  | { kind: 'failure'; failure: GatewayProblem };

const TITLES: Readonly<Record<string, string>> = {
  DliRejectedError: 'Huawei Cloud refused to create it',
  DliUnavailableError: 'Not possible at the moment',
  IdempotencyInProgressError: 'Still being decided',
  OutcomeUnknownError: 'The outcome is still not known',
};

/** Reads the answer to a create. */
export function outcomeOf(payload: AnyCreatePayload): CreateOutcome {
  switch (payload.__typename) {
    case 'CreateDatasourceConnectionSuccess':
      return { kind: 'created', id: payload.connectionId, notBound: [] };
    case 'CreateEnhancedDatasourceConnectionSuccess':
      return { kind: 'created', id: payload.connectionId, notBound: payload.notBound };
    case 'InvalidInputError':
      return { kind: 'problems', problems: fieldProblemsOf(payload.problems) };
    case 'NameTakenError': {
      const { code, message } = payload;
      return { kind: 'problems', problems: [{ path: 'name', code, limit: null, message }] };
    }
    default: {
      const { __typename, message } = payload;
      const traceId = ('requestId' in payload ? payload.requestId : undefined) ?? undefined;
      return {
        kind: 'failure',
        failure: { kind: 'other', title: TITLES[__typename] ?? 'Not created', message, traceId },
      };
    }
  }
}

/** The problems that the gateway found, by the paths of the form. */
export function fieldProblemsOf(
  problems: readonly { path: readonly string[]; code: string; limit: number | null; message: string }[],
): FieldProblem[] {
  return problems.map(({ path, ...problem }) => ({ ...problem, path: path.join('.') }));
}
