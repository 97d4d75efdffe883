import type { Fault } from '../../../src/emulator/emulator.js';

/** A fault of a POST, and what its response proves. */
export interface CreateFault {
  fault: Omit<Fault, 'operation' | 'name'>;
  /** Whether the response proves that the create was not executed. */
  proves: 'NOT_EXECUTED' | 'NOTHING';
}

const AMBIGUOUS: readonly CreateFault['fault'][] = [
  { error: 'DLI.0999' },
  { error: 'DLI.0999', status: 500 },
  { error: 'DLI.0019' },
  { error: 'DLI.10001' },
  { status: 500 },
  { status: 502, body: '<html>Bad Gateway</html>' },
  { status: 503, body: { error_msg: 'busy' } },
  { status: 504, body: {} },
  { status: 201, body: '{"is_success":true,"connection_id":' },
  { status: 200, body: '<html>Welcome</html>' },
  { status: 201, body: { is_success: true } },
  { status: 204 },
  { redirectTo: '/elsewhere' },
  { behaviour: 'reset' },
  { behaviour: 'reset', delayMs: 150 },
  { behaviour: 'close' },
];

// These last until the deadline of the operation, so there are few of them.
const SLOW: readonly CreateFault['fault'][] = [{ behaviour: 'hang' }];

// Incomplete or slow versions of a real success.
const BROKEN_SUCCESSES: readonly CreateFault['fault'][] = [
  { behaviour: 'resetDuringAnswer', apply: true },
  { behaviour: 'truncate', apply: true },
  { behaviour: 'truncate', apply: true, chunked: true },
  { behaviour: 'truncate', apply: true, truncateAt: 0 },
  { behaviour: 'huge', apply: true, hugeBytes: 1_500_000 },
  { behaviour: 'drip', apply: true, dripMs: 100 },
  { behaviour: 'drip', apply: true, dripMs: 5 },
  { delayMs: 300 },
  { delayMs: 1_000 },
];

// No 401: after a few refused signatures the lockout guard suspends the credential, and all creates fail.
const REFUSALS: readonly CreateFault['fault'][] = [
  { error: 'APIGW.0308' },
  { error: 'APIGW.0308', headers: { 'retry-after': '1' } },
  { status: 429 },
  { error: 'APIGW.0613' },
  { error: 'DLI.0001' },
  { error: 'DLI.1028' },
  { status: 200, body: { is_success: false, message: 'no' } },
];

/** All faults of a create; half of the ambiguous ones execute it. */
export const CREATE_FAULTS: readonly CreateFault[] = [
  ...[...AMBIGUOUS, ...AMBIGUOUS, ...SLOW].flatMap(fault =>
    [true, false].map((apply): CreateFault => ({ fault: { ...fault, apply }, proves: 'NOTHING' })),
  ),
  ...BROKEN_SUCCESSES.map((fault): CreateFault => ({ fault, proves: 'NOTHING' })),
  ...[...REFUSALS, ...REFUSALS].map((fault): CreateFault => ({ fault, proves: 'NOT_EXECUTED' })),
];

const LIST_FAULTS: readonly Omit<Fault, 'operation'>[] = [
  { status: 500 },
  { error: 'APIGW.0308' },
  { behaviour: 'reset' },
  { behaviour: 'close' },
  { behaviour: 'truncate', apply: true },
  { status: 200, body: '{"connections": [' },
  { status: 200, body: { connections: [], count: 1 } },
  { status: 200, body: { is_success: false, connections: [] } },
  { delayMs: 200 },
];

/** All faults of a list. */
export function listFaultsOf(operation: Fault['operation']): Fault[] {
  return LIST_FAULTS.map(fault => ({ ...fault, operation }));
}

const GET_FAULTS: readonly Omit<Fault, 'operation'>[] = [
  { status: 500 },
  { error: 'APIGW.0308' },
  { behaviour: 'reset' },
  { behaviour: 'truncate', apply: true },
  { status: 200, body: '{"id":' },
  { status: 200, body: { is_success: false } },
  { behaviour: 'hang' },
  { delayMs: 500 },
];

/** All faults of a read of one connection. */
export function getFaultsOf(operation: Fault['operation']): Fault[] {
  return GET_FAULTS.map(fault => ({ ...fault, operation }));
}

/** All faults of a bind: those of a create, and refusals that only occur for binds. */
export function bindFaults(): Fault[] {
  const onlyOfBinds: Omit<Fault, 'operation'>[] = [
    { error: 'DLI.0007' },
    { error: 'DLI.0012' },
    { body: { is_success: false, message: 'no' }, apply: true },
  ];
  const faults = [...CREATE_FAULTS.map(({ fault }) => fault), ...onlyOfBinds];
  return faults.filter(fault => !reportsSuccess(fault)).map(fault => ({ ...fault, operation: 'associateQueue' }));
}

/** Whether a response reports a bind as successful, even if it was not executed. For a create, it also needs an id. */
function reportsSuccess({ status, body }: Omit<Fault, 'operation'>): boolean {
  return status === 204 || (typeof body === 'object' && 'is_success' in body && body.is_success === true);
}
