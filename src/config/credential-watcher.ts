import { readFile, stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../lib/logger.js';
import { isValidSecret } from './env-schema.js';
import { isReadableByAll, stripLineBreak } from './secret-files.js';

// A change must be the same in two polls, so it takes effect after at most twice this interval.
const POLL_INTERVAL_MS = 1_000;

/** What a {@link CredentialWatcher} does with what it finds. */
export interface Rotation<T> {
  /** The credentials with the new texts of their files, by variable. All of these are valid. */
  parse(secrets: Readonly<Record<string, string>>): T;
  /**
   * Takes credentials into use.
   *
   * @returns a warning if the last ones stay in use for now; it is called again with the next poll
   */
  adopt(found: T): string | undefined | Promise<string | undefined>;
}

/**
 * Polls credential files and rotates the credentials once they are the same in two polls.
 *
 * It polls because containers replace mounted files by symbolic links, on file systems without change events.
 */
export class CredentialWatcher<T> {
  #credentials: T;
  /** The credentials that the last poll found, if they differ from those in use. */
  #candidate: T | undefined;
  #lastWarning: string | undefined;
  #isPolling = false;
  #timer: NodeJS.Timeout | undefined;

  /** The log receives the names of variables, never values. */
  constructor(
    private readonly files: Readonly<Record<string, string>>,
    credentials: T,
    private readonly rotation: Rotation<T>,
    private readonly log: Logger<{ keys: readonly string[] }>,
  ) {
    this.#credentials = credentials;
  }

  /** Starts polling, until {@link close}. */
  start(): void {
    if (Object.keys(this.files).length === 0) return;
    this.#timer = setInterval(() => void this.#poll(), POLL_INTERVAL_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #poll(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    try {
      const secrets = await this.#readFiles();
      if (secrets !== undefined) await this.#compare(this.rotation.parse(secrets));
    } finally {
      this.#isPolling = false;
    }
  }

  async #compare(found: T): Promise<void> {
    const isStable = isDeepStrictEqual(found, this.#candidate);
    this.#candidate = isDeepStrictEqual(found, this.#credentials) ? undefined : found;
    if (this.#candidate === undefined || !isStable) return;
    const warning = await this.rotation.adopt(found);
    if (warning !== undefined) return this.#warn(warning);
    this.#credentials = found;
    this.#candidate = undefined;
    this.#lastWarning = undefined;
    this.log.info({ keys: Object.keys(this.files) }, 'credentials replaced');
  }

  /** The secrets of all files; undefined when one of them is invalid. */
  async #readFiles(): Promise<Record<string, string> | undefined> {
    const secrets: Record<string, string> = {};
    for (const [key, path] of Object.entries(this.files)) {
      const secret = await readSecret(path);
      if (secret === undefined || !isValidSecret(key, secret.value)) {
        this.#warn('a credential file cannot be used: the last credentials stay in use');
        return undefined;
      }
      // loadConfig rejects such a file; stopping a running gateway would not make the secret less exposed.
      if (secret.isReadableByAll) this.#warn('a credential file can be read by everyone on this machine');
      secrets[key] = secret.value;
    }
    return secrets;
  }

  #warn(message: string): void {
    if (this.#lastWarning === message) return;
    this.#lastWarning = message;
    this.log.warn({ keys: Object.keys(this.files) }, message);
  }
}

async function readSecret(path: string): Promise<{ value: string; isReadableByAll: boolean } | undefined> {
  try {
    const status = await stat(path);
    // Reading a pipe could block, and would consume its secret.
    if (!status.isFile()) return undefined;
    const value = stripLineBreak(await readFile(path, 'utf8'));
    return value === '' ? undefined : { value, isReadableByAll: isReadableByAll(status) };
  } catch {
    return undefined;
  }
}
