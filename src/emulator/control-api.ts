import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { StoredConnection } from './connections.js';
import type { Emulator } from './emulator.js';
import type { FaultQueue } from './faults.js';
import { faultSchema } from './faults.js';
import type { EmulatorOptions } from './options.js';
import { parseJson } from './request-input.js';
import { resourcesSchema } from './resources.js';
import type { EmulatedResponse } from './respond.js';
import { deliver, jsonResponse, textResponse } from './respond.js';
import { OPERATIONS } from './routes.js';
import { enhancedSeedSchema, expandEnhancedSeed, expandSeed, seedSchema } from './seeds.js';
import type { RequestHead } from './server.js';
import { readBody, readHead } from './server.js';
import { currentSettings, describeProblems, settingsSchema } from './settings.js';

const MAX_BODY_BYTES = 1_024 * 1_024;
const ledgerFilterSchema = z.object({
  operation: z.enum([...OPERATIONS, 'unknown', 'any']).default('any'),
  after: z.coerce.number().int().min(0).default(0),
});

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * The HTTP API under `/emulator/` that controls an emulator in another process:
 *
 * - `GET health`: 200 when the emulator listens.
 * - `GET ledger?operation=&after=`: `{entries}`, with `after` only those with a higher sequence;
 *   `DELETE ledger` clears them.
 * - `POST faults`: one fault or an array; all or none are queued. `GET faults`: `{faults}`;
 *   `DELETE faults` clears them.
 * - `GET connections`: `{connections}`, tombstones included. `POST connections`: one seed or an array; all or none are
 *   added and returned.
 * - `GET enhanced-connections`, `POST enhanced-connections`: the same for enhanced connections.
 * - `PUT resources`: replaces the elastic resource pools, the queues outside of pools, or both.
 * - `PATCH settings`: changes the given settings and returns all of them; `GET settings` only returns them.
 * - `POST reset`: clears connections, faults, ledger and tokens, and restores the default pools and queues.
 * - `POST tokens/expire`: expires all tokens.
 *
 * An invalid request gets a 400 with `{error, problems}`. Control requests are not in the ledger.
 */
export class ControlApi {
  constructor(
    private readonly emulator: Emulator,
    private readonly options: EmulatorOptions,
    private readonly faults: FaultQueue,
  ) {}

  /** Handles a request under `/emulator/`. Only loopback hosts are accepted, unless `isOpen`. */
  async handle(message: IncomingMessage, serverResponse: ServerResponse, isOpen: boolean): Promise<void> {
    const head = readHead(message);
    const read = await readBody(message, MAX_BODY_BYTES);
    if (read.outcome === 'aborted') return;
    const response =
      rejectUntrustedCaller(head, isOpen) ??
      (read.outcome === 'tooLarge'
        ? jsonResponse(413, { error: 'The body is larger than 1 MB.' })
        : this.#route(head, read.body));
    await deliver(response, {}, serverResponse, new AbortController().signal);
  }

  #route({ method, path, query }: RequestHead, body: Buffer): EmulatedResponse {
    const { emulator, faults, options } = this;
    const noContent = (change: () => void) => () => {
      change();
      return textResponse(204, '');
    };
    const handlers: Readonly<Record<string, () => EmulatedResponse>> = {
      'GET /emulator/health': () => jsonResponse(200, { status: 'ok' }),
      'GET /emulator/ledger': () => this.#readLedger(Object.fromEntries(new URLSearchParams(query))),
      'DELETE /emulator/ledger': noContent(() => emulator.ledger.clear()),
      'GET /emulator/faults': () => jsonResponse(200, { faults: faults.list() }),
      'POST /emulator/faults': () => this.#addFaults(body),
      'DELETE /emulator/faults': noContent(() => emulator.clearFaults()),
      'GET /emulator/connections': () => jsonResponse(200, { connections: emulator.connections() }),
      'POST /emulator/connections': () => this.#seed(body),
      'GET /emulator/enhanced-connections': () => jsonResponse(200, { connections: emulator.enhancedConnections() }),
      'POST /emulator/enhanced-connections': () => this.#seedEnhanced(body),
      'PUT /emulator/resources': () => this.#setResources(body),
      'GET /emulator/settings': () => jsonResponse(200, currentSettings(options)),
      'PATCH /emulator/settings': () => this.#changeSettings(body),
      'POST /emulator/reset': noContent(() => emulator.reset()),
      'POST /emulator/tokens/expire': noContent(() => emulator.expireTokens()),
    };
    const handler = handlers[`${method} ${path}`];
    return handler?.() ?? jsonResponse(404, { error: `There is no ${method} ${path}.` });
  }

  #readLedger(query: Readonly<Record<string, string>>): EmulatedResponse {
    const filter = ledgerFilterSchema.safeParse(query);
    if (!filter.success) return badRequest(describeProblems(filter.error));
    const { operation, after } = filter.data;
    const entries = this.emulator.ledger.entries(operation).filter(({ sequence }) => sequence > after);
    return jsonResponse(200, { entries });
  }

  #addFaults(body: Buffer): EmulatedResponse {
    const { items, problems } = readAll(body, 'fault', faultSchema);
    if (problems.length > 0) return badRequest(problems);
    for (const fault of items) this.faults.add(fault);
    return jsonResponse(201, { faults: this.faults.list() });
  }

  #seed(body: Buffer): EmulatedResponse {
    const { items, problems } = readAll(body, 'connection', seedSchema);
    if (problems.length > 0) return badRequest(problems);
    const seeds = items.flatMap(item => expandSeed(item, this.options.now()));
    // Absent fields are missing, not undefined, as the type requires.
    const connections = seeds.map(seed => this.emulator.seedConnection(seed as Partial<StoredConnection>));
    return jsonResponse(201, { connections });
  }

  #seedEnhanced(body: Buffer): EmulatedResponse {
    const { items, problems } = readAll(body, 'connection', enhancedSeedSchema);
    if (problems.length > 0) return badRequest(problems);
    const seeds = items.flatMap(item => expandEnhancedSeed(item, this.options.now()));
    return jsonResponse(201, { connections: seeds.map(seed => this.emulator.seedEnhancedConnection(seed)) });
  }

  #setResources(body: Buffer): EmulatedResponse {
    const result = resourcesSchema.safeParse(parseJson(body));
    if (!result.success) return badRequest(describeProblems(result.error));
    this.emulator.setResources(result.data);
    return textResponse(204, '');
  }

  #changeSettings(body: Buffer): EmulatedResponse {
    const result = settingsSchema.safeParse(parseJson(body));
    if (!result.success) return badRequest(describeProblems(result.error));
    Object.assign(this.options, result.data);
    return jsonResponse(200, currentSettings(this.options));
  }
}

function readAll<T>(body: Buffer, name: string, schema: z.ZodType<T>): { items: T[]; problems: string[] } {
  const results = [parseJson(body)].flat().map(candidate => schema.safeParse(candidate));
  return {
    items: results.flatMap(result => (result.success ? [result.data] : [])),
    problems: results.flatMap((result, index) =>
      result.success ? [] : describeProblems(result.error).map(text => `${name} ${index + 1}: ${text}`),
    ),
  };
}

function badRequest(problems: readonly string[]): EmulatedResponse {
  return jsonResponse(400, { error: 'The request is not valid.', problems });
}

/** Whether a host name or address is loopback. */
export function isLoopback(host: string): boolean {
  return host === '::1' || LOOPBACK_HOST.test(host);
}

/**
 * Rejects control requests that a browser page may have sent: across origins (with an Origin header) or by DNS
 * rebinding (with a Host that is not a loopback one). `isOpen` skips the second check, for emulators that are
 * reached by name.
 */
function rejectUntrustedCaller(head: RequestHead, isOpen: boolean): EmulatedResponse | undefined {
  if (head.headers.has('origin'))
    return jsonResponse(403, { error: 'Requests of browser pages (with an Origin header) are refused.' });
  if (!isOpen && !isLoopback(head.headers.get('host') ?? ''))
    return jsonResponse(403, { error: 'The Host header must name a loopback address.' });
  return undefined;
}
