import { readFile, stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../lib/logger.js';
import type { CredentialsConfig } from './credentials.js';
import { isCompleteRotation, withValues } from './credentials.js';
import { isValidSecret } from './env-schema.js';
import { isReadableByAll, stripLineBreak } from './secret-files.js';

// A change must be the same in two polls, so it takes effect after at most twice this interval.
const POLL_INTERVAL_MS = 1_000;

/**
 * Polls credential files and reports a rotation once the new credentials are complete.
 *
 * It polls because containers replace mounted files by symbolic links, on file systems without change events.
 */
export class CredentialWatcher {
  #credentials: CredentialsConfig;
  /** The credentials that the last poll found, if they differ from those in use. */
  #candidate: CredentialsConfig | undefined;
  #lastWarning: string | undefined;
  #isPolling = false;
  #timer: NodeJS.Timeout | undefined;

  /** The log receives the names of variables, never values. */
  constructor(
    private readonly files: Readonly<Record<string, string>>,
    credentials: CredentialsConfig,
    private readonly onChange: (credentials: CredentialsConfig) => void,
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
      if (secrets !== undefined) this.#compare(withValues(this.#credentials, secrets));
    } finally {
      this.#isPolling = false;
    }
  }

  #compare(found: CredentialsConfig): void {
    const isStable = isDeepStrictEqual(found, this.#candidate);
    this.#candidate = isDeepStrictEqual(found, this.#credentials) ? undefined : found;
    if (this.#candidate === undefined || !isStable) return;
    // A half-changed pair means that the rotation is still under way.
    if (!isCompleteRotation(this.#credentials, found)) {
      this.#warn('only a part of the key pair has changed: the last pair stays in use until all of it has');
      return;
    }
    this.#credentials = found;
    this.#candidate = undefined;
    this.#lastWarning = undefined;
    this.onChange(found);
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
