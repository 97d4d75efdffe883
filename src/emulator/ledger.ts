import type { Authentication, AuthenticationKind } from './authentication.js';
import type { Fault } from './faults.js';
import type { ResourceReference } from './resources.js';
import type { LedgerOperation, Route } from './routes.js';
import type { RequestHead } from './server.js';
import { sha256Hex } from './signature.js';

const CAPACITY = 50_000;

const MAX_STORED_BODY_BYTES = 64 * 1_024;
const SECRET_HEADERS = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-auth-token',
  'x-security-token',
  'x-subject-token',
]);

/** One received request, recorded before its response is sent or delayed. */
export interface LedgerEntry {
  /** Starts at 1; never reused. */
  readonly sequence: number;
  /** Time of the decision on the response, by the emulator's clock, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly operation: LedgerOperation;
  readonly method: string;
  /** As sent, undecoded. */
  readonly path: string;
  /** As sent, undecoded, without the question mark. */
  readonly query: string;
  /** With lower-case names. Secrets are replaced by `sha256:` and 12 hexadecimal digits. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first 64 KB of the body; bodies for IAM without passwords. */
  readonly body: string;
  readonly bodyBytes: number;
  readonly authentication: AuthenticationKind;
  /** Whether the signature or token was valid, even if a fault determined the response. */
  readonly authenticated: boolean;
  /** Why the credentials or the whole request were refused. */
  readonly reasonRefused?: string | undefined;
  /** The behaviour of the fault that affected the request. */
  readonly fault?: string | undefined;
  /** Status of the response; absent if none was to be sent. */
  readonly status?: number;
  /** Id of the connection that the request created, changed or deleted, even if it was refused after that. */
  readonly appliedConnectionId?: string | undefined;
  /** The pools and queues that the request actually bound or unbound; a queue of a pool counts as its pool. */
  readonly appliedResources?: readonly ResourceReference[] | undefined;
  /** The caller's port, which identifies reused connections. */
  readonly remotePort: number;
}

/** Selects the entries of one operation; `any` selects all. */
type LedgerFilter = LedgerOperation | 'any';

interface Waiter {
  readonly isSatisfied: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The received requests and their results: the last 50,000 entries, and counts of all. */
export class WritableLedger {
  #entries: LedgerEntry[] = [];
  #counts = new Map<LedgerFilter, number>();
  #waiters: Waiter[] = [];
  #lastSequence = 0;

  /** Lists the entries, oldest first. Default: of all operations. */
  entries(operation: LedgerFilter = 'any'): readonly LedgerEntry[] {
    const held = this.#entries.slice(-CAPACITY);
    return operation === 'any' ? held : held.filter(entry => entry.operation === operation);
  }

  /** Number of requests since the start or the last {@link Ledger.clear}. Default: of all operations. */
  count(operation: LedgerFilter = 'any'): number {
    return this.#counts.get(operation) ?? 0;
  }

  /** Resolves when {@link Ledger.count} reaches `count`; rejects if the emulator is closed first. */
  async waitFor(operation: LedgerFilter, count: number): Promise<void> {
    const isSatisfied = () => this.count(operation) >= count;
    if (isSatisfied()) return;
    await new Promise<void>((resolve, reject) => this.#waiters.push({ isSatisfied, resolve, reject }));
  }

  /** Removes all entries and counts. */
  clear(): void {
    this.#entries = [];
    this.#counts.clear();
  }

  /** Adds an entry and resolves the promises that waited for it. */
  record(entry: Omit<LedgerEntry, 'sequence'>): void {
    this.#lastSequence += 1;
    this.#entries.push({ sequence: this.#lastSequence, ...entry });
    // Dropping half of the entries at a time keeps the amortised cost constant.
    if (this.#entries.length >= 2 * CAPACITY) this.#entries = this.#entries.slice(-CAPACITY);
    for (const key of [entry.operation, 'any'] as const) this.#counts.set(key, this.count(key) + 1);
    const satisfied = this.#waiters.filter(waiter => waiter.isSatisfied());
    this.#waiters = this.#waiters.filter(waiter => !satisfied.includes(waiter));
    for (const waiter of satisfied) waiter.resolve();
  }

  /** Rejects all pending {@link Ledger.waitFor} promises. */
  rejectWaiters(): void {
    for (const waiter of this.#waiters.splice(0))
      waiter.reject(new Error('The emulator was closed before the request came.'));
  }
}

/** The ledger without its write methods, which stay inside the emulator. */
export type Ledger = Pick<WritableLedger, 'entries' | 'count' | 'waitFor' | 'clear'>;

/** Details of a request for its ledger entry. */
export interface RequestDetails
  extends Pick<
    LedgerEntry,
    'atMs' | 'remotePort' | 'reasonRefused' | 'status' | 'appliedConnectionId' | 'appliedResources'
  > {
  readonly route: Route;
  readonly head: RequestHead;
  readonly fault: Fault | undefined;
  readonly body?: Buffer;
  readonly receivedBytes?: number;
  readonly authentication?: Authentication;
}

/** Builds the ledger entry of a request, without secrets. */
export function toLedgerEntry(details: RequestDetails): Omit<LedgerEntry, 'sequence'> {
  const { route, head, fault, body = Buffer.alloc(0), receivedBytes, authentication, ...rest } = details;
  const text = body.subarray(0, MAX_STORED_BODY_BYTES).toString('utf8');
  return {
    operation: route.operation,
    method: head.method,
    path: head.path,
    query: head.query,
    headers: redactHeaders(head.headers),
    body: route.service === 'iam' ? withoutPasswords(text) : text,
    bodyBytes: receivedBytes ?? body.length,
    authentication: authentication?.kind ?? 'none',
    authenticated: authentication?.principal !== undefined,
    reasonRefused: reasonOf(route, authentication),
    fault: fault && (fault.behaviour ?? 'answer'),
    ...rest,
  };
}

function reasonOf(route: Route, authentication: Authentication | undefined): string | undefined {
  const refusal = authentication?.refusal;
  // A token request needs no credentials, so missing ones are no refusal.
  if (refusal === undefined || route.operation === 'issueToken') return undefined;
  return refusal.detail === '' ? refusal.code : `${refusal.code}: ${refusal.detail}`;
}

/** Replaces secrets by short hashes, which still show whether two secrets are equal. */
function redactHeaders(headers: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    Array.from(headers, ([name, value]) => [
      name,
      SECRET_HEADERS.has(name) ? `sha256:${sha256Hex(value).slice(0, 12)}` : value,
    ]),
  );
}

/** Removes the values of `password` fields from a JSON text; a text that is not JSON is removed as a whole. */
function withoutPasswords(text: string): string {
  if (text === '') return '';
  try {
    const value: unknown = JSON.parse(text, (key, part: unknown) =>
      key === 'password' && typeof part !== 'object' ? '[removed]' : part,
    );
    return JSON.stringify(value);
  } catch {
    return '[not JSON, removed]';
  }
}
