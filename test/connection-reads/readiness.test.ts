import { describe, expect, it } from '@jest/globals';
import { areBindingsSettled, isSettled, readinessOf, toReadConnection } from '../../src/connection-reads/readiness.js';
import type { Resource } from '../../src/dli/connection.js';
import { binding, classic, enhanced } from './helpers/stored-connections.js';

const withStates = (...states: string[]) =>
  enhanced(1, { bindings: states.map((state, index) => binding(`pool_${index} ${state}`)) });

describe('the readiness of an enhanced connection', () => {
  it.each([
    ['UNBOUND', []],
    ['BINDING', ['CREATING']],
    ['BINDING', ['CREATING', 'CREATING']],
    ['BINDING', ['FAILED', 'CREATING']],
    ['READY', ['ACTIVE']],
    ['READY', ['active', 'ACTIVE']],
    ['PARTLY_READY', ['ACTIVE', 'CREATING']],
    ['PARTLY_READY', ['ACTIVE', 'FAILED']],
    ['PARTLY_READY', ['ACTIVE', 'FAILED', 'CREATING']],
    ['PARTLY_READY', ['ACTIVE', 'UPDATING']],
    ['FAILED', ['FAILED']],
    ['FAILED', ['FAILED', 'FAILED']],
    // Neither ready nor failed.
    ['BINDING', ['UPDATING']],
    ['BINDING', ['FAILED', 'UPDATING']],
    ['BINDING', ['CREATING', 'UPDATING']],
  ])('is %s with bindings in the states %j', (readiness, states) => {
    expect(readinessOf(withStates(...states))).toBe(readiness);
  });

  it.each([[[]], [['ACTIVE']], [['CREATING']]])('is DELETED after its deletion, whatever was bound: %j', states => {
    expect(readinessOf({ ...withStates(...states), state: 'deleted' })).toBe('DELETED');
  });
});

describe('a connection', () => {
  it.each([
    ['CREATING', false],
    ['ACTIVE', true],
    ['FAILED', true],
    ['DELETED', true],
    ['RUNNING', true],
  ])('of the classic kind in state %s: settled is %s', (state, settled) => {
    expect(isSettled(classic(1, { state }))).toBe(settled);
  });

  it.each([
    [[], true],
    [['ACTIVE'], true],
    [['FAILED'], true],
    [['UPDATING'], true],
    [['ACTIVE', 'CREATING'], false],
  ])('of the enhanced kind with bindings in the states %j: settled is %s', (states, settled) => {
    expect(isSettled(withStates(...states))).toBe(settled);
  });

  it('of the enhanced kind is settled when it was deleted while something was being bound', () => {
    expect(isSettled({ ...withStates('CREATING'), state: 'DELETED' })).toBe(true);
  });
});

describe('the resources to wait for', () => {
  const queue: Resource = { kind: 'QUEUE', name: 'queue_1' };
  const pool: Resource = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_1' };
  const other: Resource = { kind: 'ELASTIC_RESOURCE_POOL', name: 'pool_2' };

  it.each([
    ['none', [], [], true],
    ['an absent one', [], [[pool]], false],
    ['one that is being bound', ['pool_1 CREATING'], [[pool]], false],
    ['one in an undocumented state', ['pool_1 UPDATING'], [[pool]], false],
    ['a bound one', ['pool_1 ACTIVE'], [[pool]], true],
    ['a failed one', ['pool_1 FAILED'], [[pool]], true],
    ['a queue whose pool is bound', ['pool_1 ACTIVE'], [[queue, pool]], true],
    ['a queue outside of pools that is bound', ['queue_1 ACTIVE'], [[queue, pool]], true],
    ['a pool with the name of a bound queue', ['queue_1 ACTIVE'], [[{ ...pool, name: 'queue_1' }]], false],
    ['two, one of which is absent', ['pool_1 ACTIVE'], [[pool], [other]], false],
    ['two that have ended', ['pool_1 ACTIVE', 'pool_2 FAILED'], [[pool], [other]], true],
    ['one while something else is being bound', ['pool_1 ACTIVE', 'pool_2 CREATING'], [[pool]], true],
  ])('are bound or have failed: %s', (_what, bindings, until, expected) => {
    expect(areBindingsSettled(enhanced(1, { bindings: bindings.map(text => binding(text)) }), until)).toBe(expected);
  });

  it('do not matter to a classic connection', () => {
    expect(areBindingsSettled(classic(1), [[pool]])).toBe(true);
    expect(areBindingsSettled(classic(1, { state: 'CREATING' }), [[pool]])).toBe(false);
  });
});

describe('a binding', () => {
  const MINUTE_MS = 60_000;

  it.each([
    ['not overdue before 15 minutes have passed', 'pool_1 CREATING', 15 * MINUTE_MS - 1, false],
    ['overdue after 15 minutes', 'pool_1 CREATING', 15 * MINUTE_MS, true],
    ['never overdue once it is bound', 'pool_1 ACTIVE', 60 * MINUTE_MS, false],
    ['never overdue once it has failed', 'pool_1 FAILED', 60 * MINUTE_MS, false],
  ])('is %s', (_what, text, afterMs, isOverdue) => {
    const updatedAtMs = 100 * MINUTE_MS;
    const described = enhanced(1, { createdAtMs: 0, bindings: [binding(text, { updatedAtMs })] });
    expect(toReadConnection(described, updatedAtMs + afterMs)).toEqual({
      ...described,
      bindings: [{ ...binding(text, { updatedAtMs }), isOverdue }],
    });
  });

  it('without a time of its own is as old as the connection', () => {
    const described = enhanced(1, { createdAtMs: 0, bindings: [binding('pool_1 CREATING')] });
    const isOverdueAt = (ms: number) => toReadConnection(described, ms);
    expect(isOverdueAt(15 * MINUTE_MS - 1)).toMatchObject({ bindings: [{ isOverdue: false }] });
    expect(isOverdueAt(15 * MINUTE_MS)).toMatchObject({ bindings: [{ isOverdue: true }] });
  });

  it('is not overdue if no time is known', () => {
    const described = enhanced(1, { createdAtMs: null, bindings: [binding('pool_1 CREATING')] });
    expect(toReadConnection(described, Number.MAX_SAFE_INTEGER)).toMatchObject({ bindings: [{ isOverdue: false }] });
  });
});
