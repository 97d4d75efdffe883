import { randomUUID } from 'node:crypto';
import type { Emulator } from '../../../src/emulator/emulator.js';
import type { Payload } from '../../helpers/gateway.js';
import type { CallRecord, CreateHistory } from '../../proof/helpers/caller.js';
import { callUntilFinal, lastAnswer } from '../../proof/helpers/caller.js';
import type { ClassicInput } from '../../proof/helpers/classic-kind.js';
import { CLASSIC, identify } from '../../proof/helpers/classic-kind.js';
import type { CreateFault } from '../../proof/helpers/fault-alphabet.js';
import { checkAnswers, NO_CONTRADICTIONS } from '../../proof/helpers/verdict.js';
import type { CreateInput } from './create-inputs.js';

interface Create {
  history: CreateHistory<ClassicInput>;
  faults: readonly CreateFault[];
}

/** The creates of one run and their payloads, for comparison with what the emulator did. */
export class CreateCalls {
  readonly #creates = new Map<string, Create>();
  /** The last idempotency key that was sent with a name and address. */
  readonly #keyOf = new Map<string, string>();
  readonly #faultsOf = new Map<string, readonly CreateFault[]>();

  /** Records the faults of the next create with this name and address. */
  plan(input: CreateInput, faults: readonly CreateFault[]): void {
    this.#faultsOf.set(identifyInput(input), faults);
  }

  /** Adds a call that got a payload other than `InvalidInputError`. */
  add(input: CreateInput, call: CallRecord): void {
    const id = identifyInput(input);
    const givenKey = input['idempotencyKey'];
    const key = typeof givenKey === 'string' ? givenKey : (call.payload?.idempotencyKey ?? randomUUID());
    const mapKey = `${key} ${id} ${JSON.stringify(input)}`;
    const create = this.#creates.get(mapKey) ?? {
      history: { kind: CLASSIC, input: asGraphqlReads({ ...input, idempotencyKey: key }), calls: [] },
      faults: this.#faultsOf.get(id) ?? [],
    };
    create.history.calls.push(call);
    this.#creates.set(mapKey, create);
    this.#keyOf.set(id, key);
  }

  /** Adds a call whose payload does not contain its outcome, because the document did not select it. */
  addUnclear(input: CreateInput): void {
    const id = identifyInput(input);
    this.#keyOf.set(id, this.#keyOf.get(id) ?? String(input['idempotencyKey'] ?? randomUUID()));
  }

  /** Repeats the calls whose outcome is not known yet. */
  async finish(url: string, resolutionMs: number, emulator: Emulator): Promise<void> {
    const histories = [...this.#creates.values()].map(({ history }) => history);
    const undecided = histories.filter(history =>
      ['OUTCOME_UNKNOWN', 'IDEMPOTENCY_IN_PROGRESS'].includes(lastAnswer(history)?.code ?? ''),
    );
    await callUntilFinal(undecided, async () => url, resolutionMs, emulator);
  }

  /** The contradictions between the payloads and the emulator, as sentences. */
  contradictions(emulator: Emulator): string[] {
    const creates = [...this.#creates.values()];
    const { verdict } = checkAnswers(
      CLASSIC,
      // Repeated calls may have overlapped.
      creates.map(({ faults, history: { calls } }) => ({ faults, isTwice: calls.length > 1 })),
      creates.map(({ history }) => history),
      emulator,
    );
    const found = Object.keys(NO_CONTRADICTIONS).flatMap(kind =>
      verdict[kind as keyof typeof verdict].map(sentence => `${kind}: ${sentence}`),
    );
    const keys = new Map<string, string>();
    for (const { connectionId, name, destination } of emulator.connections()) {
      const id = identify(name, destination);
      const key = this.#keyOf.get(id);
      if (key === undefined) found.push(`${connectionId}, ${id}: no response has it`);
      else if (keys.has(key)) found.push(`${connectionId}, ${id}: the key has created ${keys.get(key)}, too`);
      else keys.set(key, connectionId);
    }
    for (const { history } of creates)
      if (history.calls.some(isKeyReused) && keys.has(history.input.idempotencyKey))
        found.push(...misreported(history, emulator));
    return found;
  }
}

function isKeyReused({ payload }: CallRecord): boolean {
  return payload?.code === 'IDEMPOTENCY_KEY_REUSED';
}

/** Connections created from a second input whose key was refused as reused; there must be none. */
function misreported({ input }: CreateHistory<ClassicInput>, emulator: Emulator): string[] {
  return emulator
    .connections()
    .filter(({ name, destination }) => name === input.name && destination === input.url)
    .map(({ connectionId }) => `${connectionId}: created from an input whose key was refused`);
}

function identifyInput({ name, url }: CreateInput): string {
  return identify(String(name), String(url));
}

/** The input after GraphQL's coercions: numbers become ids, and a single value becomes a list. */
function asGraphqlReads(input: CreateInput): ClassicInput {
  const { networkId, securityGroupId, tags } = input;
  return {
    ...input,
    networkId: String(networkId),
    securityGroupId: String(securityGroupId),
    ...(tags !== undefined && { tags: tags === null || Array.isArray(tags) ? tags : [tags] }),
  } as ClassicInput;
}

/** The payload of a mutation in the data of a response; undefined if there is none. */
export function payloadIn(data: Record<string, unknown> | null | undefined): Payload | undefined {
  const found = Object.values(data ?? {}).find(value => typeof value === 'object' && value !== null);
  return found as Payload | undefined;
}
