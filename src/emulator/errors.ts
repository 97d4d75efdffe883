import type { EmulatedResponse } from './respond.js';
import { jsonResponse } from './respond.js';
import type { EmulatorSettings } from './settings.js';

type Table = Readonly<Record<string, readonly [status: number, message: string]>>;

/** DLI's error table, with those codes of the 2020 table that apply to all operations. */
export const DLI_ERRORS: Table = {
  'DLI.0001': [400, 'Parameter check error.'],
  'DLI.0002': [400, 'The object does not exist.'],
  'DLI.0003': [400, 'SQL permission verification fails.'],
  'DLI.0004': [400, 'SQL syntax parsing error.'],
  'DLI.0005': [400, 'SQL semantics parsing error.'],
  'DLI.0006': [400, 'The object exists.'],
  'DLI.0007': [400, 'The operation is not supported.'],
  'DLI.0008': [400, 'Metadata error.'],
  'DLI.0009': [400, 'System restrictions.'],
  'DLI.0011': [400, 'The file permission check fails.'],
  'DLI.0012': [400, 'Resource objects are unavailable.'],
  'DLI.0013': [401, 'User authentication error.'],
  'DLI.0014': [401, 'Service authentication error.'],
  'DLI.0015': [400, 'Token parsing error.'],
  'DLI.0016': [400, 'The identity and role are incorrect.'],
  'DLI.0018': [400, 'Data conversion error.'],
  'DLI.0019': [400, 'The task times out.'],
  'DLI.0023': [404, 'Related resources are not found.'],
  'DLI.0100': [400, 'The result has expired.'],
  'DLI.0999': [400, 'Server-side errors.'],
  'DLI.1028': [400, 'The quota is insufficient.'],
  'DLI.10001': [400, 'Internal service error.'],
  'DLI.10002': [400, 'The requested resource is forbidden.'],
  'DLI.10003': [400, 'The requested API is not supported.'],
  'DLI.10004': [400, 'The JSON body is malformed.'],
  'DLI.10005': [400, 'No permission for the request.'],
  'DLI.10006': [400, 'The project ID in the URL is different from that in the IAM token.'],
  'DLI.10007': [400, 'The IAM token has expired.'],
  'DLI.10008': [400, 'The request headers contain no token.'],
  'DLI.10009': [400, 'The account is frozen.'],
  'DLI.10010': [400, 'The user ID or project ID of the token does not exist.'],
  'DLI.10014': [400, 'Insufficient permission or balance.'],
  'DLI.10015': [400, 'The IAM request failed.'],
  'DLI.10016': [400, 'Real-name authentication is required.'],
  'DLI.13001': [400, 'The user quota is insufficient.'],
  'DLI.20005': [400, 'The queue does not exist.'],
  'DLI.22101': [400, 'The VPC ID does not exist.'],
};

/** IAM's error table. */
export const IAM_ERRORS: Table = {
  'IAM.0001': [401, 'Authentication is required.'],
  'IAM.0002': [403, 'You are not authorized to perform the requested action.'],
  'IAM.0003': [403, 'Policy does not allow the requested action.'],
  'IAM.0004': [404, 'Could not find the target.'],
  'IAM.0005': [409, 'Conflict occurred.'],
  'IAM.0006': [500, 'An unexpected error occurred.'],
  'IAM.0007': [400, 'A request parameter is invalid.'],
  'IAM.0009': [400, 'The X-Subject-Token is invalid.'],
  'IAM.0011': [400, 'The request body is invalid.'],
  'IAM.0012': [429, 'The throttling threshold has been reached. Threshold: 10 times per 1 seconds.'],
  'IAM.0020': [410, 'The authentication service has failed over to another region.'],
  'IAM.0061': [401, 'The account is locked.'],
  'IAM.0062': [401, 'The username or password is wrong.'],
  'IAM.0066': [401, 'The token has expired.'],
  'IAM.0067': [401, 'The token is invalid.'],
  'IAM.0072': [400, 'A required property is missing.'],
  'IAM.0073': [400, 'A field is invalid.'],
  'IAM.0080': [403, 'The owner of the access key is disabled.'],
  'IAM.0081': [403, 'The user may only use the console.'],
  'IAM.0082': [403, 'The user is disabled.'],
  'IAM.1101': [400, 'The request body exceeds 32 KB.'],
  'IAM.1102': [400, 'A value in the request is invalid.'],
  'IAM.1103': [400, 'A required value is missing.'],
  'IAM.1104': [400, 'The access key is on the blacklist.'],
  'IAM.1105': [400, 'The access key has expired.'],
  'IAM.1106': [400, 'The owner of the access key cannot be found.'],
  'IAM.1107': [400, 'The access key is inactive.'],
  'IAM.1108': [400, 'The security token has expired.'],
  'IAM.1109': [400, 'The project cannot be found.'],
};

/** The API gateway's error table, keyed by the number after `APIGW.` or `APIG.`. */
export const GATEWAY_ERRORS: Table = {
  '0101': [404, 'The API does not exist or has not been published in the environment.'],
  '0103': [404, 'The backend does not exist.'],
  '0104': [400, 'The plug-ins do not exist.'],
  '0105': [400, 'The backend configurations do not exist.'],
  '0106': [400, 'Orchestration error.'],
  '0201': [400, 'API request error.'],
  '0204': [400, 'SSL protocol is not supported.'],
  '0301': [401, 'Incorrect IAM authentication information.'],
  '0302': [403, 'The IAM user is not authorized to access the API.'],
  '0303': [401, 'Incorrect app authentication information.'],
  '0304': [403, 'The app is not authorized to access the API.'],
  '0305': [401, 'Incorrect authentication information.'],
  '0306': [403, 'API access denied.'],
  '0307': [401, 'The token must be updated.'],
  '0308': [429, 'The throttling threshold has been reached.'],
  '0310': [403, 'The project is unavailable.'],
  '0311': [401, 'Incorrect debugging authentication information.'],
  '0401': [403, 'Unknown client IP address.'],
  '0402': [403, 'The IP address is not authorized to access the API.'],
  '0404': [403, 'Access to the backend IP address has been denied.'],
  '0501': [405, 'The app quota has been used up.'],
  '0502': [405, 'The app has been frozen.'],
  '0601': [500, 'Internal server error.'],
  '0602': [400, 'Bad request.'],
  '0605': [500, 'Domain name resolution failed.'],
  '0606': [500, 'Failed to load the API configurations.'],
  '0607': [400, 'The following protocol is supported: {xxx}'],
  '0608': [500, 'Failed to obtain the admin token.'],
  '0609': [500, 'The VPC backend does not exist.'],
  '0610': [502, 'No backend available.'],
  '0611': [500, 'The backend port does not exist.'],
  '0612': [500, 'An API cannot call itself.'],
  '0613': [503, 'The IAM service is currently unavailable.'],
  '0705': [500, 'Backend signature calculation failed.'],
  '0801': [403, 'The service is not available in the currently selected region.'],
  '0802': [403, 'The IAM user is forbidden in the currently selected region.'],
};

/** Messages of error 0201, which depend on the status. */
const REQUEST_ERRORS: Readonly<Record<number, string>> = {
  413: 'Request entity too large.',
  414: 'Request URI too large.',
  494: 'Request headers too large.',
  502: 'Backend unavailable.',
  504: 'Backend timeout.',
};

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
};

/** Finds the documented error of a code such as `DLI.0001`, `APIGW.0301` or `IAM.0011`; undefined if unknown. */
export function findDocumentedError(code: string, status?: number) {
  const number = /^APIGW?\.(\d{4})$/.exec(code)?.[1];
  const [usualStatus, usualMessage] =
    (number === undefined ? (DLI_ERRORS[code] ?? IAM_ERRORS[code]) : GATEWAY_ERRORS[number]) ?? [];
  if (usualStatus === undefined || usualMessage === undefined) return undefined;
  const special = number === '0201' && status !== undefined ? REQUEST_ERRORS[status] : undefined;
  return { status: status ?? usualStatus, message: special ?? usualMessage };
}

/** Builds an error response of DLI: `{error_code, error_msg}`. Default: the documented status and message. */
export function dliError(code: string, message?: string, status?: number): EmulatedResponse {
  const documented = findDocumentedError(code, status);
  return jsonResponse(documented?.status ?? 400, {
    error_code: code,
    error_msg: message ?? documented?.message ?? '',
  });
}

/** Builds the error response for an unknown connection, which the settings determine. */
export function notFoundError(
  connectionId: string,
  settings: Pick<EmulatorSettings, 'notFoundError' | 'notFoundMessage'>,
): EmulatedResponse {
  return dliError(settings.notFoundError, settings.notFoundMessage.replaceAll('{id}', connectionId));
}

/**
 * Builds an error response of the API gateway in front of every service: `{error_msg, error_code, request_id}`.
 * The `detail` follows the standard message after a colon, as in the documented samples.
 */
export function gatewayError(code: string, requestId: string, detail = '', status?: number): EmulatedResponse {
  const documented = findDocumentedError(code, status);
  const message = documented?.message ?? '';
  return jsonResponse(documented?.status ?? 500, {
    error_msg: detail === '' ? message : `${message.replace(/\.$/, '')}: ${detail}`,
    error_code: code,
    request_id: requestId,
  });
}

/** Builds an error response of IAM's v3 API: `{error: {code, message, title}}`; `code` is the HTTP status. */
export function keystoneError(status: number, message: string): EmulatedResponse {
  return jsonResponse(status, { error: { code: status, message, title: TITLES[status] ?? 'Error' } });
}

/** Builds the documented response of any known code, in the format of the component that its prefix names. */
export function documentedErrorResponse(code: string, requestId: string, status?: number): EmulatedResponse {
  return /^APIGW?\./.test(code) ? gatewayError(code, requestId, '', status) : dliError(code, undefined, status);
}
