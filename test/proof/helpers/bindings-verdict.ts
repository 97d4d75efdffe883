import { expect } from '@jest/globals';
import type { Emulator } from '../../../src/emulator/emulator.js';
import type { ResourceInput } from '../../helpers/enhanced-gateway.js';
import { enhancedCalls, POOL_A, POOL_B, QUEUE_DEDICATED } from '../../helpers/enhanced-gateway.js';
import { sendGraphql } from '../../helpers/gateway.js';
import { inParallel } from '../../helpers/in-parallel.js';
import { pick, randomOf } from '../../helpers/random.js';
import type { CreateHistory } from './caller.js';
import { callOnce, lastAnswer } from './caller.js';
import { allEntries } from './connection-kind.js';
import type { EnhancedInput } from './enhanced-kind.js';
import { boundAs, boundNames } from './enhanced-kind.js';
import type { RandomFaultsRun } from './random-faults.js';

const AT_A_TIME = 15;
const UNBIND_SHARE = 0.5;
/** Resources that can be unbound: binding the other pool fails, and DLI unbinds nothing that has failed. */
const CAN_BE_UNBOUND = [POOL_A, POOL_B, QUEUE_DEDICATED];

/**
 * Lets callers unbind what their creates have bound, and then repeat the creates. Checks that no create has bound
 * anything that it was not asked for or that was unbound since, and that each gets the same answer as before.
 */
export async function checkBindings(title: string, run: RandomFaultsRun<EnhancedInput>): Promise<void> {
  const { seed, histories, fleet, emulator } = run;
  const random = randomOf(`${seed}/unbinds`);
  const bound = boundNames(emulator);
  const plans = histories.flatMap(history => {
    const id = lastAnswer(history)?.connectionId ?? '';
    const names = bound.get(id) ?? new Set();
    const resources = CAN_BE_UNBOUND.filter(({ name }) => names.has(name));
    return resources.length > 0 && random() < UNBIND_SHARE ? [{ history, id, resource: pick(random, resources) }] : [];
  });
  const failures = await inParallel(plans, AT_A_TIME, async ({ history, id, resource }) => {
    const problem = await unbind(await fleet.url(random), id, resource);
    await callOnce(history, await fleet.url(random));
    await callOnce(history, await fleet.url(random));
    return problem;
  });
  const figures = { binds: allEntries(emulator, 'associateQueue').length, unbound: plans.length };
  process.stderr.write(`${title}: ${JSON.stringify(figures)}\n`);
  expect({
    seed,
    failures: failures.flat(),
    boundAgain: plans.filter(({ id, resource }) => isBound(emulator, id, resource)),
    unaskedBindings: unaskedBindings(histories, emulator),
    changedAnswers: histories.flatMap(changedAnswers),
  }).toEqual({ seed, failures: [], boundAgain: [], unaskedBindings: [], changedAnswers: [] });
}

async function unbind(url: string, connectionId: string, resource: ResourceInput): Promise<string[]> {
  const calls = enhancedCalls({ send: (body, headers) => sendGraphql(url, body, headers) });
  const payload = await calls.unbind(connectionId, resource);
  return payload.__typename === 'UnbindDatasourceConnectionSuccess' ? [] : [JSON.stringify(payload)];
}

function isBound(emulator: Emulator, id: string, { name }: ResourceInput): boolean {
  const connection = emulator.enhancedConnections().find(({ connectionId }) => connectionId === id);
  return connection === undefined || connection.bindings.some(binding => binding.name === name);
}

/** Bindings that the create of their connection did not ask for. */
function unaskedBindings(histories: readonly CreateHistory<EnhancedInput>[], emulator: Emulator): string[] {
  const asked = new Map(
    histories.map(({ kind, input }) => [kind.identify(input), new Set(input.resources.map(boundAs))]),
  );
  const { kind } = histories[0] ?? {};
  const identities = new Map(kind?.held(emulator).map(({ connectionId, identity }) => [connectionId, identity]));
  return [...boundNames(emulator)].flatMap(([id, names]) => {
    const identity = identities.get(id) ?? '';
    return [...names].filter(name => !asked.get(identity)?.has(name)).map(name => `${identity}: ${name}`);
  });
}

/** Successes that differ from one that the caller had received before the call. */
function changedAnswers({ input, calls }: CreateHistory<EnhancedInput>): string[] {
  const successes = calls.filter(({ payload }) => payload?.connectionId !== undefined);
  return successes.flatMap(({ startedAtMs, payload }) => {
    const earlier = successes.find(({ endedAtMs }) => endedAtMs < startedAtMs)?.payload;
    if (earlier === undefined || JSON.stringify(earlier) === JSON.stringify(payload)) return [];
    return [`${input.name}: first ${JSON.stringify(earlier)}, then ${JSON.stringify(payload)}`];
  });
}
