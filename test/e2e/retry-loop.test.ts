import { expect, it } from '@jest/globals';
import { transform } from '@swc/core';
import { readDocuments } from '../helpers/documents.js';
import {
  EXECUTED_BUT_LOST,
  NOT_LISTED_YET,
  startIdempotencyGateway,
} from '../idempotency/helpers/idempotency-gateway.js';

type Send = (input: Record<string, unknown>) => Promise<unknown>;
interface Loop {
  createConnection(send: Send, input: object, patienceMs?: number): Promise<unknown>;
}

/** The retry loop that the README recommends to clients, verbatim. */
async function readLoop(): Promise<Loop> {
  const [, source = ''] = /^```ts\n(.*?)^```$/ms.exec(readDocuments()) ?? [];
  const { code } = await transform(`export ${source.slice(source.indexOf('async function'))}`, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'es6' },
  });
  return import(`data:text/javascript,${encodeURIComponent(code)}`);
}

it('the retry loop of the README repeats one key until the create is decided', async () => {
  const { createConnection } = await readLoop();
  const { create, emulator, posts, applied } = await startIdempotencyGateway();
  emulator.inject(EXECUTED_BUT_LOST);
  emulator.inject(NOT_LISTED_YET);
  const keys: unknown[] = [];
  const answer = await createConnection(async input => {
    keys.push(input['idempotencyKey']);
    if (keys.length === 1) throw new TypeError('fetch failed');
    if (keys.length === 3) emulator.clearFaults();
    return create(input);
  }, {});
  expect(answer).toMatchObject({
    __typename: 'CreateDatasourceConnectionSuccess',
    connectionId: applied()[0],
    reconciled: true,
  });
  expect(keys).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^[0-9a-f-]{36}$/)));
  expect(new Set(keys).size).toBe(1);
  expect(posts()).toBe(1);
});
