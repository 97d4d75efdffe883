import type { Answer } from './answer.js';
import type { Call, Outcome } from './call.js';
import type { DliOperations } from './dli-operations.js';
import { dliError, gatewayError, keystoneError } from './error-answers.js';
import type { IamOperations } from './iam-operations.js';
import type { EmulatorOptions } from './options.js';

/** Leads an understood request past the checks of its service to its operation. */
export class Dispatcher {
  constructor(
    private readonly options: EmulatorOptions,
    private readonly dli: DliOperations,
    private readonly iam: IamOperations,
  ) {}

  /** Carries the call out, or says why not in the words of whoever refuses it. */
  dispatch(call: Call): Outcome {
    const { operation } = call.route;
    if (operation === 'unknown') return { answer: gatewayError('APIGW.0101', call.requestId) };
    if (operation === 'issueToken') return this.iam.issueToken(call);
    const refusal = this.#refuse(call);
    if (refusal !== undefined) return { answer: refusal };
    switch (operation) {
      case 'createConnection':
        return this.dli.create(call);
      case 'getConnection':
        return this.dli.get(call);
      case 'listConnections':
        return this.dli.list(call);
      case 'deleteConnection':
        return this.dli.delete(call);
      case 'listProjects':
        return this.iam.listProjects(call);
      default:
        return operation satisfies never;
    }
  }

  #refuse({ authentication, route, requestId }: Call): Answer | undefined {
    const { kind, principal, refusal } = authentication;
    if (refusal !== undefined)
      // The gateway in front of IAM checks signatures; IAM itself checks tokens.
      return route.service === 'iam' && kind !== 'signature'
        ? keystoneError(401, 'The request you have made requires authentication.')
        : gatewayError(refusal.code, requestId, refusal.detail);
    if (route.service === 'iam') return undefined;
    if (principal.kind === 'accessKey')
      return this.options.projects.some(project => project.id === route.projectId)
        ? undefined
        : dliError('DLI.10006');
    // Which code a token without a project meets is not documented; this is the nearest one.
    if (principal.project === undefined) return dliError('DLI.10010');
    return principal.project.id === route.projectId ? undefined : dliError('DLI.10006');
  }
}
