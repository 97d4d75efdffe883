import { readFile, stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { RotationResult } from '../huawei-cloud/authenticator.js';
import type { Logger } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';
import { isValidSecret } from './env-schema.js';
import { isReadableByAll, stripLineBreak } from './secret-files.js';

// Two polls must find the same change, so it takes effect after at most twice this interval.
const POLL_INTERVAL_MS = 1_000;
const MAX_UNPROVEN_WAIT_MS = 60_000;
// Longer than the 5 minutes in which refusals count towards the lockout of the account.
const REFUSED_WAIT_MS = 6 * 60_000;

/** The result of reloading changed credential files. `invalid`: one of them cannot be used. */
type ReloadResult = RotationResult | 'invalid';

/** What differs between kinds of credentials when they are rotated. */
export interface Rotation<T> {
  /** The current credentials with new values from their files, by variable. All values are valid. */
  parse(secrets: Readonly<Record<string, string>>, current: T): T;
  /** Why these credentials cannot replace the current ones, as a warning; undefined if they can. */
  findObstacle(next: T, current: T): string | undefined;
  /** Puts credentials into use if they are good. */
  rotate(next: T): Promise<RotationResult>;
  /** Whether the credentials in use were refused when last used: new ones are then tried at once. Default: no. */
  isCurrentRefused?(): boolean;
}

interface WatcherDependencies<T> {
  rotation: Rotation<T>;
  clock: Clock;
  log: Logger<{ keys: readonly string[] }>;
  /** Called with the result of every attempt, for metrics. */
  onReload?: (result: ReloadResult) => void;
  /** Also the first wait after an attempt that proves nothing, in milliseconds. Default is 1,000. */
  pollIntervalMs?: number | undefined;
}

/**
 * Polls credential files and rotates the credentials once the new ones are the same in two polls.
 *
 * Refused credentials are tried again after 6 minutes, because new ones may not be known everywhere yet, and each
 * refusal counts towards the lockout of the account. Credentials that could not be proven are tried again after 1 s,
 * then at doubling intervals of up to a minute, and as soon as those in use are refused.
 *
 * It polls because containers replace mounted files by symbolic links, on file systems without change events.
 */
export class CredentialWatcher<T> {
  readonly #pollIntervalMs: number;
  #credentials: T;
  /** The credentials that the last poll found, if they differ from those in use. */
  #candidate: T | undefined;
  /** The candidate's last result, how many attempts could not prove it, and when the next one is due. */
  #lastResult: RotationResult | undefined;
  #attempts = 0;
  #nextAttemptAtMs = Number.NEGATIVE_INFINITY;
  #wasCurrentRefused = false;
  #lastWarning: string | undefined;
  #isPolling = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * The log receives the names of variables, never values.
   *
   * @param files the paths of the files, by variable
   * @param credentials the credentials in use
   */
  constructor(
    private readonly files: Readonly<Record<string, string>>,
    credentials: T,
    private readonly dependencies: WatcherDependencies<T>,
  ) {
    this.#credentials = credentials;
    this.#pollIntervalMs = dependencies.pollIntervalMs ?? POLL_INTERVAL_MS;
  }

  /** Starts polling, until {@link close}. */
  start(): void {
    if (Object.keys(this.files).length === 0) return;
    this.#timer = setInterval(() => void this.#poll(), this.#pollIntervalMs).unref();
  }

  /** Stops polling. The result of an attempt in progress is ignored. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  async #poll(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    try {
      const secrets = await this.#readFiles();
      if (secrets !== undefined) await this.#compare(this.dependencies.rotation.parse(secrets, this.#credentials));
    } finally {
      this.#isPolling = false;
    }
  }

  async #compare(found: T): Promise<void> {
    const isStable = isDeepStrictEqual(found, this.#candidate);
    this.#candidate = isDeepStrictEqual(found, this.#credentials) ? undefined : found;
    const isCurrentRefused = this.dependencies.rotation.isCurrentRefused?.() ?? false;
    const isNewlyRefused = isCurrentRefused && !this.#wasCurrentRefused;
    this.#wasCurrentRefused = isCurrentRefused;
    if (this.#candidate === undefined || !isStable) {
      this.#lastResult = undefined;
      this.#attempts = 0;
      this.#nextAttemptAtMs = Number.NEGATIVE_INFINITY;
      return;
    }
    const obstacle = this.dependencies.rotation.findObstacle(found, this.#credentials);
    if (obstacle !== undefined) {
      this.#warn(obstacle);
      return;
    }
    const skipsWait = isNewlyRefused && this.#lastResult !== 'refused';
    if (skipsWait || this.dependencies.clock.monotonicMs() >= this.#nextAttemptAtMs) await this.#try(found);
  }

  async #try(candidate: T): Promise<void> {
    const result = await this.dependencies.rotation.rotate(candidate);
    if (this.#isClosed) return;
    this.dependencies.onReload?.(result);
    this.#lastResult = result;
    const record = { keys: Object.keys(this.files) };
    switch (result) {
      case 'adopted':
        this.#credentials = candidate;
        this.#candidate = undefined;
        this.#lastWarning = undefined;
        this.dependencies.log.info(record, 'credentials replaced');
        break;
      case 'refused':
        this.#delayNextAttempt(REFUSED_WAIT_MS);
        this.dependencies.log.warn(record, 'credentials refused: the last ones stay in use');
        break;
      case 'unproven':
        this.#delayNextAttempt(Math.min(MAX_UNPROVEN_WAIT_MS, this.#pollIntervalMs * 2 ** this.#attempts));
        this.#attempts += 1;
        this.#warn('new credentials cannot be proven at the moment: the last ones stay in use');
        break;
      default:
        result satisfies never;
    }
  }

  #delayNextAttempt(ms: number): void {
    // The poll that is due then may be a little early.
    this.#nextAttemptAtMs = this.dependencies.clock.monotonicMs() + ms - this.#pollIntervalMs / 2;
  }

  /** The secrets of all files; undefined when one of them is invalid. */
  async #readFiles(): Promise<Record<string, string> | undefined> {
    const secrets: Record<string, string> = {};
    for (const [key, path] of Object.entries(this.files)) {
      const secret = await readSecret(path);
      if (secret === undefined || !isValidSecret(key, secret.value)) {
        if (this.#warn('a credential file cannot be used: the last credentials stay in use'))
          this.dependencies.onReload?.('invalid');
        return undefined;
      }
      // loadConfig rejects such a file; stopping a running gateway would not make the secret less exposed.
      if (secret.isReadableByAll) this.#warn('a credential file can be read by everyone on this machine');
      secrets[key] = secret.value;
    }
    return secrets;
  }

  /** Warns, unless the last warning was the same. Returns whether it did. */
  #warn(message: string): boolean {
    if (this.#lastWarning === message) return false;
    this.#lastWarning = message;
    this.dependencies.log.warn({ keys: Object.keys(this.files) }, message);
    return true;
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
