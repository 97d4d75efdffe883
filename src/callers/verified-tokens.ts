import { hash } from 'node:crypto';
import type { GoodToken } from './access-token.js';

const MAX_TOKENS = 5_000;

interface Entry {
  good: GoodToken;
  proof: object;
}

/**
 * Remembers tokens that were found good, so that a signature is checked once and not at every request.
 *
 * Holds digests, never tokens; of more than 5,000 the ones that were not used for longest are forgotten.
 */
export class VerifiedTokens {
  readonly #entries = new Map<string, Entry>();

  /**
   * What a token was found to stand for, when it was found good by this proof.
   *
   * @param nowMs milliseconds since 1970-01-01 UTC
   */
  find(token: string, proof: object, nowMs: number): GoodToken | undefined {
    const digest = digestOf(token);
    const entry = this.#entries.get(digest);
    if (entry === undefined) return undefined;
    this.#entries.delete(digest);
    if (entry.proof !== proof || nowMs >= entry.good.validUntilMs) return undefined;
    // To the end of the map's order, whose beginning is forgotten first.
    this.#entries.set(digest, entry);
    return entry.good;
  }

  /** @param proof what the token was checked with; only as long as that is in use is the token remembered */
  remember(token: string, good: GoodToken, proof: object): void {
    this.#entries.set(digestOf(token), { good, proof });
    if (this.#entries.size <= MAX_TOKENS) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64');
}
