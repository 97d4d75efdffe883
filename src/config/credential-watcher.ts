import { readFile, stat } from 'node:fs/promises';
import type { Logger } from '../lib/logger.js';
import type { CredentialsConfig } from './credentials.js';
import { hasWholeChange, withValues } from './credentials.js';
import { isValidSecret } from './env-schema.js';
import { isReadableByAll, withoutLineBreak } from './secret-files.js';

// A change must be the same at two looks, so it is used after at most twice this.
const LOOK_EVERY_MS = 1_000;

/** What it takes to follow credentials in files. */
interface CredentialFilesOptions {
  /** Paths by the key of the credential. */
  files: Readonly<Record<string, string>>;
  /** The credentials that the files held at the start. */
  credentials: CredentialsConfig;
  /** Gets the credentials that the files hold now. */
  onChange: (credentials: CredentialsConfig) => void;
  /** Gets the names of variables, never values. */
  log: Logger<{ keys: readonly string[] }>;
}

type Texts = Readonly<Record<string, string>>;

/**
 * Follows credentials in files, as they are rotated while the gateway runs.
 *
 * It looks instead of listening: files of a container are replaced by links, on file systems that tell nobody.
 */
export class CredentialFiles {
  readonly #options: CredentialFilesOptions;
  #credentials: CredentialsConfig;
  /** What the last look found, when it differed from what is in use. */
  #candidate: CredentialsConfig | undefined;
  #lastWarning: string | undefined;
  #isLooking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CredentialFilesOptions) {
    this.#options = options;
    this.#credentials = options.credentials;
  }

  /** Begins to follow, until {@link close}. */
  start(): void {
    if (Object.keys(this.#options.files).length === 0) return;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const texts = await this.#read();
      if (texts !== undefined) this.#consider(withValues(this.#credentials, texts));
    } finally {
      this.#isLooking = false;
    }
  }

  #consider(found: CredentialsConfig): void {
    const isStable = this.#candidate !== undefined && isSame(found, this.#candidate);
    this.#candidate = isSame(found, this.#credentials) ? undefined : found;
    if (this.#candidate === undefined || !isStable) return;
    // Half of a pair is the work of somebody who has not finished yet.
    if (!hasWholeChange(this.#credentials, found)) {
      this.#warn('only a part of the key pair has changed: the last pair stays in use until all of it has');
      return;
    }
    this.#credentials = found;
    this.#candidate = undefined;
    this.#lastWarning = undefined;
    this.#options.onChange(found);
    this.#options.log.info({ keys: Object.keys(this.#options.files) }, 'credentials replaced');
  }

  /** The text of every file; undefined while one of them cannot be used. */
  async #read(): Promise<Texts | undefined> {
    const texts: Record<string, string> = {};
    for (const [key, path] of Object.entries(this.#options.files)) {
      const text = await readSecret(path);
      if (text === undefined || !isValidSecret(key, text.value)) {
        this.#warn('a credential file cannot be used: the last credentials stay in use');
        return undefined;
      }
      // What all can read is refused at a start; to stop working now would make it no less known.
      if (text.isReadableByAll) this.#warn('a credential file can be read by everybody on this machine');
      texts[key] = text.value;
    }
    return texts;
  }

  #warn(message: string): void {
    if (this.#lastWarning === message) return;
    this.#lastWarning = message;
    this.#options.log.warn({ keys: Object.keys(this.#options.files) }, message);
  }
}

async function readSecret(path: string): Promise<{ value: string; isReadableByAll: boolean } | undefined> {
  try {
    const status = await stat(path);
    // A pipe would be waited for, and holds its secret once.
    if (!status.isFile()) return undefined;
    const value = withoutLineBreak(await readFile(path, 'utf8'));
    return value === '' ? undefined : { value, isReadableByAll: isReadableByAll(status) };
  } catch {
    return undefined;
  }
}

function isSame(left: CredentialsConfig, right: CredentialsConfig): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
