import type { AccessKeyCheck } from './access-key-check.js';
import type { EmulatorProject } from './options.js';
import type { ReceivedRequest } from './received-request.js';
import type { TokenStore } from './token-store.js';

/** By which means a request tried to authenticate itself. */
export type AuthenticationKind = 'signature' | 'token' | 'none';

/** Who sent a request: a key pair of the account, or a token with its scope. */
type Principal =
  | { readonly kind: 'accessKey' }
  | { readonly kind: 'token'; readonly project: EmulatorProject | undefined };

/** Why credentials were refused: the gateway's code and the text after its standard message. */
interface Refusal {
  readonly code: 'APIGW.0301' | 'APIGW.0307';
  readonly detail: string;
}

/** What the credentials of a request came to. */
export type Authentication =
  | { readonly kind: AuthenticationKind; readonly principal: Principal; readonly refusal?: never }
  | { readonly kind: AuthenticationKind; readonly refusal: Refusal; readonly principal?: never };

/** Checks whatever credentials a request carries. A signature counts before a token when both are sent. */
export function authenticate(
  request: ReceivedRequest,
  accessKeys: AccessKeyCheck,
  tokens: TokenStore,
  nowMs: number,
): Authentication {
  const authorization = request.headers.get('authorization') ?? '';
  if (authorization.startsWith('SDK-HMAC-SHA256')) {
    const detail = accessKeys.refusalOf(request);
    if (detail === undefined) return { kind: 'signature', principal: { kind: 'accessKey' } };
    return refused('signature', detail);
  }
  const text = request.headers.get('x-auth-token');
  if (text === undefined)
    return authorization.startsWith('V11-HMAC-SHA256')
      ? refused('signature', 'the derived algorithm V11-HMAC-SHA256 is not supported here')
      : refused('none', 'x-auth-token not found');
  const token = tokens.find(text);
  if (token === undefined) return refused('token', 'decrypt token fail');
  if (token.expiresAtMs <= nowMs) return { kind: 'token', refusal: { code: 'APIGW.0307', detail: '' } };
  return { kind: 'token', principal: { kind: 'token', project: token.project } };
}

function refused(kind: AuthenticationKind, detail: string): Authentication {
  return { kind, refusal: { code: 'APIGW.0301', detail } };
}
