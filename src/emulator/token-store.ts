import { randomBytes } from 'node:crypto';
import type { EmulatorOptions, EmulatorProject, EmulatorUser } from './options.js';

const MAX_TOKENS = 10_000;

/** A token that IAM has given out. Without `project` it is scoped to the account, or to nothing. */
export interface IssuedToken {
  readonly token: string;
  readonly user: EmulatorUser;
  readonly project: EmulatorProject | undefined;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** The tokens given out so far. */
export class TokenStore {
  readonly #tokens = new Map<string, IssuedToken>();

  constructor(private readonly options: EmulatorOptions) {}

  /** A new token, not yet valid: it becomes so with {@link TokenStore.keep}. */
  make(user: EmulatorUser, project: EmulatorProject | undefined): IssuedToken {
    const issuedAtMs = this.options.now();
    // Real tokens are opaque, start with MII and are long enough to matter for header limits.
    const token = `MII${randomBytes(960).toString('base64')}`;
    return { token, user, project, issuedAtMs, expiresAtMs: issuedAtMs + this.options.tokenLifetimeMs };
  }

  /** Makes a token valid; earlier ones stay so. */
  keep(token: IssuedToken): void {
    const oldest = this.#tokens.size >= MAX_TOKENS ? this.#tokens.keys().next().value : undefined;
    if (oldest !== undefined) this.#tokens.delete(oldest);
    this.#tokens.set(token.token, token);
  }

  /** The token with this text, expired or not. */
  find(token: string): IssuedToken | undefined {
    return this.#tokens.get(token);
  }

  /** Ends the life of all tokens given out so far; they stay known as expired ones. */
  expireAll(): void {
    for (const [text, token] of this.#tokens) this.#tokens.set(text, { ...token, expiresAtMs: 0 });
  }

  /** Forgets all tokens. */
  clear(): void {
    this.#tokens.clear();
  }
}
