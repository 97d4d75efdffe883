import type { Authentication, AuthenticationKind } from './authentication.js';
import type { Fault } from './faults.js';
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

/** One request that arrived. Written once its response is decided, before a scripted delay. */
export interface LedgerEntry {
  /** Counts up from 1 and is never used twice. */
  readonly sequence: number;
  /** When the response was decided, by the emulator's clock, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly operation: LedgerOperation;
  readonly method: string;
  /** As sent, undecoded. */
  readonly path: string;
  /** As sent, undecoded, without the question mark. */
  readonly query: string;
  /** Lower-case names. Secrets are replaced by `sha256:` and 12 hexadecimal digits. */
  readonly headers: Readonly<Record<string, string>>;
  /** As received, up to 64 KB of it; bodies for IAM are rewritten without passwords. */
  readonly body: string;
  readonly bodyBytes: number;
  readonly authentication: AuthenticationKind;
  /** Was the signature or token right? Also told when a fault decided the response. */
  readonly authenticated: boolean;
  /** Why the credentials, or the request as a whole, were refused. */
  readonly reasonRefused?: string;
  /** The behaviour of the fault that hit this request. */
  readonly fault?: string;
  /** The status that was (about to be) sent; absent when there was to be no response. */
  readonly status?: number;
  /** The connection that this request created or deleted. */
  readonly appliedConnectionId?: string;
  /** The caller's port: equal ones mean a reused connection. */
  readonly remotePort: number;
}

/** Which entries are meant; `any` or nothing means all. */
export type LedgerFilter = LedgerOperation | 'any';

/** What arrived at the emulator and what came of it. Holds the last 50,000 requests; counts go on beyond. */
export interface Ledger {
  /** The held entries, oldest first. */
  entries(operation?: LedgerFilter): readonly LedgerEntry[];
  /** How many arrived since the start or the last {@link Ledger.clear}. */
  count(operation?: LedgerFilter): number;
  /** Resolves when {@link Ledger.count} reaches `count`; rejects when the emulator is closed before that. */
  waitFor(operation: LedgerFilter, count: number): Promise<void>;
  /** Forgets all entries and counts. */
  clear(): void;
}

interface Waiter {
  readonly isSatisfied: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The ledger together with its writing side, which stays inside the emulator. */
export class WritableLedger implements Ledger {
  #entries: LedgerEntry[] = [];
  #counts = new Map<LedgerFilter, number>();
  #waiters: Waiter[] = [];
  #lastSequence = 0;

  entries(operation: LedgerFilter = 'any'): readonly LedgerEntry[] {
    const held = this.#entries.slice(-CAPACITY);
    return operation === 'any' ? held : held.filter(entry => entry.operation === operation);
  }

  count(operation: LedgerFilter = 'any'): number {
    return this.#counts.get(operation) ?? 0;
  }

  async waitFor(operation: LedgerFilter, count: number): Promise<void> {
    const isSatisfied = () => this.count(operation) >= count;
    if (isSatisfied()) return;
    await new Promise<void>((resolve, reject) => this.#waiters.push({ isSatisfied, resolve, reject }));
  }

  clear(): void {
    this.#entries = [];
    this.#counts.clear();
  }

  /** Adds an entry and wakes whoever waited for it. */
  record(entry: Omit<LedgerEntry, 'sequence'>): void {
    this.#lastSequence += 1;
    this.#entries.push({ sequence: this.#lastSequence, ...entry });
    // Dropping the old half at once keeps the cost per entry constant.
    if (this.#entries.length >= 2 * CAPACITY) this.#entries = this.#entries.slice(-CAPACITY);
    for (const key of [entry.operation, 'any'] as const) this.#counts.set(key, this.count(key) + 1);
    const [satisfied, waiting] = partition(this.#waiters);
    this.#waiters = waiting;
    for (const waiter of satisfied) waiter.resolve();
  }

  /** Rejects all who still wait. */
  rejectWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters)
      waiter.reject(new Error('The emulator was closed before the request came.'));
  }
}

function partition(waiters: readonly Waiter[]): [satisfied: Waiter[], waiting: Waiter[]] {
  return [waiters.filter(waiter => waiter.isSatisfied()), waiters.filter(waiter => !waiter.isSatisfied())];
}

/** What is known about a request when it is written into the ledger. */
export interface RequestDetails {
  readonly route: Route;
  readonly head: RequestHead;
  readonly remotePort: number;
  readonly atMs: () => number;
  readonly fault: Fault | undefined;
  readonly body?: Buffer;
  readonly receivedBytes?: number;
  readonly authentication?: Authentication;
  readonly reasonRefused?: string;
  readonly status?: number | undefined;
  readonly appliedConnectionId?: string | undefined;
}

/** The ledger entry of a request, without secrets. */
export function toLedgerEntry(details: RequestDetails): Omit<LedgerEntry, 'sequence'> {
  const { route, head, fault, body = Buffer.alloc(0), authentication } = details;
  const text = body.subarray(0, MAX_STORED_BODY_BYTES).toString('utf8');
  const reasonRefused = details.reasonRefused ?? reasonOf(route, authentication);
  return {
    atMs: details.atMs(),
    operation: route.operation,
    method: head.method,
    path: head.path,
    query: head.query,
    headers: redactHeaders(head.headers),
    body: route.service === 'iam' ? withoutPasswords(text) : text,
    bodyBytes: details.receivedBytes ?? body.length,
    authentication: authentication?.kind ?? 'none',
    authenticated: authentication?.principal !== undefined,
    ...(reasonRefused === undefined ? {} : { reasonRefused }),
    ...(fault === undefined ? {} : { fault: fault.behaviour ?? 'answer' }),
    ...(details.status === undefined ? {} : { status: details.status }),
    ...(details.appliedConnectionId === undefined
      ? {}
      : { appliedConnectionId: details.appliedConnectionId }),
    remotePort: details.remotePort,
  };
}

function reasonOf(route: Route, authentication: Authentication | undefined): string | undefined {
  const refusal = authentication?.refusal;
  // Asking for a token needs no credentials, so that their absence is no refusal.
  if (refusal === undefined || route.operation === 'issueToken') return undefined;
  return refusal.detail === '' ? refusal.code : `${refusal.code}: ${refusal.detail}`;
}

/** Headers as a plain object in which each secret is replaced by a short hash, so that equal ones can be told. */
function redactHeaders(headers: ReadonlyMap<string, string>): Record<string, string> {
  const entries = [...headers].map(
    ([name, value]) => [name, SECRET_HEADERS.has(name) ? shortHash(value) : value] as const,
  );
  return Object.fromEntries(entries);
}

/** `sha256:` and the first 12 hexadecimal digits. */
function shortHash(secret: string): string {
  return `sha256:${sha256Hex(secret).slice(0, 12)}`;
}

/** A JSON text without the values of its `password` fields; a text that is not JSON is withheld as a whole. */
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
