import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Answer } from './answer.js';
import { jsonAnswer, textAnswer } from './answer.js';
import { refuseControlCaller } from './control-guard.js';
import { deliver } from './delivery.js';
import type { Emulator } from './emulator.js';
import { faultSchema } from './fault.js';
import type { FaultQueue } from './fault-queue.js';
import type { LedgerFilter } from './ledger.js';
import { OPERATIONS } from './operation.js';
import type { EmulatorOptions } from './options.js';
import { describeProblems } from './problems.js';
import type { RequestHead } from './received-request.js';
import { readBody, readHead } from './received-request.js';
import { seedSchema, unfoldSeed } from './seed.js';
import { currentSettings, settingsSchema } from './settings.js';
import type { StoredConnection } from './stored-connection.js';

const MAX_BODY_BYTES = 1_024 * 1_024;
const NO_CONTENT = textAnswer(204, '');
const ledgerFilterSchema = z.enum([...OPERATIONS, 'unknown', 'any']);
const listSchema = z.union([z.array(z.unknown()), z.unknown().transform(item => [item])]);

/** What the control API steers. */
export interface ControlApiParts {
  readonly options: EmulatorOptions;
  readonly faults: FaultQueue;
  readonly emulator: Pick<
    Emulator,
    'ledger' | 'connections' | 'seedConnection' | 'reset' | 'expireTokens' | 'clearFaults'
  >;
}

/**
 * The emulator's own HTTP API under `/emulator/`, for whoever runs it as a process of its own:
 *
 * - `GET health`: 200 once it listens.
 * - `GET ledger?operation=`: `{entries}`; `DELETE ledger` forgets them.
 * - `POST faults`: one fault or an array; all or none are queued. `GET faults`: `{faults}`; `DELETE faults` drops them.
 * - `GET connections`: `{connections}`, tombstones included. `POST connections`: one seed or an array; all or none are
 *   put there, and answered.
 * - `PATCH settings`: changes the given settings and answers all of them; `GET settings` only answers.
 * - `POST reset`: forgets connections, faults, ledger and tokens.
 * - `POST tokens/expire`: ends the life of all tokens.
 *
 * What is wrong with a request is told in a 400 as `{error, problems}`. Control requests are not in the ledger.
 */
export class ControlApi {
  constructor(private readonly parts: ControlApiParts) {}

  /** Handles a request under `/emulator/`. Callers other than loopback ones are refused unless `isOpen`. */
  async handle(message: IncomingMessage, response: ServerResponse, isOpen: boolean): Promise<void> {
    const head = readHead(message);
    const read = await readBody(message, MAX_BODY_BYTES);
    if (read.outcome === 'cutOff') return;
    const answer =
      refuseControlCaller(head, isOpen) ??
      (read.outcome === 'tooLarge'
        ? jsonAnswer(413, { error: 'The body is larger than 1 MB.' })
        : this.#answer(head, read.body));
    await deliver(answer, {}, response, new AbortController().signal);
  }

  #answer(head: RequestHead, body: Buffer): Answer {
    const { emulator, faults, options } = this.parts;
    switch (`${head.method} ${head.path}`) {
      case 'GET /emulator/health':
        return jsonAnswer(200, { status: 'ok' });
      case 'GET /emulator/ledger':
        return this.#readLedger(new URLSearchParams(head.query).get('operation') ?? 'any');
      case 'DELETE /emulator/ledger':
        emulator.ledger.clear();
        return NO_CONTENT;
      case 'GET /emulator/faults':
        return jsonAnswer(200, { faults: faults.list() });
      case 'POST /emulator/faults':
        return this.#addFaults(body);
      case 'DELETE /emulator/faults':
        emulator.clearFaults();
        return NO_CONTENT;
      case 'GET /emulator/connections':
        return jsonAnswer(200, { connections: emulator.connections() });
      case 'POST /emulator/connections':
        return this.#seed(body);
      case 'GET /emulator/settings':
        return jsonAnswer(200, currentSettings(options));
      case 'PATCH /emulator/settings':
        return this.#changeSettings(body);
      case 'POST /emulator/reset':
        emulator.reset();
        return NO_CONTENT;
      case 'POST /emulator/tokens/expire':
        emulator.expireTokens();
        return NO_CONTENT;
      default:
        return jsonAnswer(404, { error: `There is no ${head.method} ${head.path}.` });
    }
  }

  #readLedger(operation: string): Answer {
    const filter = ledgerFilterSchema.safeParse(operation);
    if (!filter.success) return badRequest(describeProblems(filter.error).map(text => `operation: ${text}`));
    const wanted: LedgerFilter = filter.data;
    return jsonAnswer(200, { entries: this.parts.emulator.ledger.entries(wanted) });
  }

  #addFaults(body: Buffer): Answer {
    const { items, problems } = readAll(body, 'fault', faultSchema);
    if (problems.length > 0) return badRequest(problems);
    for (const fault of items) this.parts.faults.add(fault);
    return jsonAnswer(201, { faults: this.parts.faults.list() });
  }

  #seed(body: Buffer): Answer {
    const { emulator, options } = this.parts;
    const { items, problems } = readAll(body, 'connection', seedSchema);
    if (problems.length > 0) return badRequest(problems);
    const seeds = items.flatMap(item => unfoldSeed(item, options.now()));
    // What is not given is left out, not undefined.
    const connections = seeds.map(seed => emulator.seedConnection(seed as Partial<StoredConnection>));
    return jsonAnswer(201, { connections });
  }

  #changeSettings(body: Buffer): Answer {
    const result = settingsSchema.safeParse(parseJson(body));
    if (!result.success) return badRequest(describeProblems(result.error));
    Object.assign(this.parts.options, result.data);
    return jsonAnswer(200, currentSettings(this.parts.options));
  }
}

// One item or an array; with any problem none is used.
function readAll<T>(body: Buffer, name: string, schema: z.ZodType<T>): { items: T[]; problems: string[] } {
  const results = listSchema.parse(parseJson(body)).map(candidate => schema.safeParse(candidate));
  return {
    items: results.flatMap(result => (result.success ? [result.data] : [])),
    problems: results.flatMap((result, index) =>
      result.success ? [] : describeProblems(result.error).map(text => `${name} ${index + 1}: ${text}`),
    ),
  };
}

function badRequest(problems: readonly string[]): Answer {
  return jsonAnswer(400, { error: 'The request is not valid.', problems });
}

// Text that is not JSON then fails the schema like any other wrong value.
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
