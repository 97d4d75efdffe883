import type { CredentialUse } from './authentication.js';
import type { CredentialsSource } from './credentials-source.js';
import type { TrialGate } from './trial-gate.js';

/** What is kept about one credential; nothing of it says anything about the next one. */
interface Kept {
  gate: TrialGate;
}

/** The credential that is used now, with what is known about it, begun anew whenever it is replaced. */
export class CurrentCredential<T, K extends Kept> {
  #kept: K;

  /**
   * @param keep begins with a credential of which nothing is known yet
   * @param onReplaced called after another credential has taken the place
   */
  constructor(source: CredentialsSource<T>, keep: (credential: T) => K, onReplaced: () => void) {
    this.#kept = keep(source.current);
    source.onReplace(next => {
      const { gate } = this.#kept;
      this.#kept = keep(next);
      onReplaced();
      gate.dismiss();
    });
  }

  /** What is kept about it now. */
  get kept(): K {
    return this.#kept;
  }

  /** One use of the credential, begun anew with the next one for those who still waited when it was replaced. */
  async use(take: (kept: K) => Promise<CredentialUse>): Promise<CredentialUse> {
    for (;;) {
      const kept = this.#kept;
      try {
        const use = await take(kept);
        if (kept === this.#kept) return use;
        use.settle('UNPROVEN');
      } catch (error) {
        if (kept === this.#kept) throw error;
      }
    }
  }
}
