import type { Authentication, CheckVerdict, CredentialVerdict } from '../huawei-cloud/authenticator.js';
import { isDateRefused } from '../huawei-cloud/transport.js';
import { isObject, parseJson } from '../lib/json.js';
import type { TraceContext } from '../lib/logger.js';
import { Deadline } from '../lib/time.js';
import { provesCredential } from './classify-create.js';
import { CLASSIC_API, ENHANCED_API } from './connection-api.js';
import { pathOf } from './dli-client.js';
import { DliError } from './dli-error.js';
import type { CompleteResponse, RepeatableRequest, RepeatableRequestDependencies } from './repeatable-request.js';
import { RepeatableRequests } from './repeatable-request.js';
import { MAX_LIST_RESPONSE_BYTES } from './responses.js';
import { readErrorCode } from './sanitize.js';

const TIMEOUT_MS = 4_500;
const NO_CONNECTION = '00000000-0000-0000-0000-000000000000';

const read = { method: 'GET', maxBodyBytes: MAX_LIST_RESPONSE_BYTES, isCollection: true } as const;

/** Reads with short responses. A region may not offer the first ones, which then prove nothing. */
const READS: readonly RepeatableRequest[] = [
  { ...read, operation: 'listQueues', pathOf: projectId => `/v1.0/${encodeURIComponent(projectId)}/queues` },
  {
    ...read,
    operation: ENHANCED_API.operations.list,
    pathOf: projectId => `${pathOf(projectId, ENHANCED_API.collection)}?limit=1&offset=0`,
  },
  {
    ...read,
    operation: CLASSIC_API.operations.get,
    pathOf: projectId => pathOf(projectId, CLASSIC_API.collection, NO_CONNECTION),
  },
];

/**
 * Checks a credential with a read before it is used for anything else.
 *
 * @returns ACCEPTED if DLI itself responded, even with a 403; REFUSED or EXPIRED after a single refusal
 */
export async function checkCredential(
  candidate: Authentication,
  trace: TraceContext,
  dependencies: Omit<RepeatableRequestDependencies, 'acquireCredential' | 'maxTries'>,
): Promise<CheckVerdict> {
  let isRefused = false;
  let isExpired = false;
  const report = (verdict: CredentialVerdict) => {
    isRefused ||= verdict === 'REFUSED';
    return false;
  };
  const readProof = (response: CompleteResponse) => {
    isExpired = isDateRefused(response);
    return isProof(response);
  };
  const requests = new RepeatableRequests({
    ...dependencies,
    acquireCredential: async () => ({ ...candidate, report }),
    maxTries: 1,
  });
  const deadline = new Deadline(dependencies.clock, TIMEOUT_MS);
  const context = { deadline, trace };
  for (const request of READS) {
    try {
      await requests.send(request, context, readProof);
      return 'ACCEPTED';
    } catch (error) {
      if (!(error instanceof DliError)) throw error;
      if (isRefused) return isExpired ? 'EXPIRED' : 'REFUSED';
      if (!error.isNotOffered) return 'UNPROVEN';
    }
  }
  return 'UNPROVEN';
}

/** True if a response was sent after the check of signatures and tokens; undefined if that is not certain. */
function isProof({ status, text }: CompleteResponse): true | undefined {
  if (status >= 200 && status < 300) return isObject(parseJson(text)) ? true : undefined;
  const code = readErrorCode(text) ?? '';
  // A 403 from DLI itself is about rights: it knows who is asking.
  return provesCredential(code) || (status === 403 && code.startsWith('DLI.')) ? true : undefined;
}
