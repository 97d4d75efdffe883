import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { logBug, newTrace } from '../../src/lib/logger.js';
import { CREATE_MUTATION, VALID_INPUT } from '../helpers/gateway.js';
import { findBadLines, linesWith } from '../helpers/log-lines.js';
import { startTokenGateway } from '../helpers/token-gateway.js';

const LONGEST_CLAIM = 256;
const LONGEST_CLIENT = 'x'.repeat(64);

describe('a log line', () => {
  it.each([
    ['ASCII', 'n'],
    ['three bytes a character', '\u4e2d'],
    ['control characters, which are escaped', '\u202e'],
    ['backslashes', '\\'],
    ['quotes', '"'],
  ])('has at most 2 KB with the longest names of %s', async (_what, character) => {
    const gateway = await startTokenGateway({ OIDC_TENANT_CLAIM: 'tenant' });
    const name = character.repeat(LONGEST_CLAIM - 1);
    const claims = (last: string) => ({ claims: { sub: name + last, tenant: name + last } });
    const reason = '\u4e2d'.repeat(2_000);
    for (const last of ['1', '2']) {
      gateway.emulator.inject({
        operation: 'createConnection',
        status: 400,
        body: { error_code: 'DLI.1028', error_msg: reason },
      });
      const headers = {
        authorization: `Bearer ${await gateway.sign(claims(last))}`,
        'apollographql-client-name': LONGEST_CLIENT,
        'apollographql-client-version': LONGEST_CLIENT,
      };
      await gateway.send({ query: CREATE_MUTATION, variables: { input: VALID_INPUT } }, headers);
    }
    await gateway.logged('"msg":"request"', 2);
    expect(linesWith(gateway.log(), 'request')).toMatchObject(Array(2).fill({ clientName: LONGEST_CLIENT }));
    expect(findBadLines(gateway.log())).toEqual([]);
    // Different names are written differently.
    expect(new Set(gateway.audit().map(({ subject }) => subject)).size).toBe(2);
  });

  it('has at most 2 KB with the longest names and frames of an error', () => {
    const lines: string[] = [];
    const destination = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const error = new Error('message');
    error.name = 'N'.repeat(3_000);
    for (const length of [1, 50, 150, 600, 5_000]) {
      const frames = Array.from({ length: 50 }, (_, index) => `    at f${index} (${'\u4e2d\\'.repeat(length)}:1:1)`);
      error.stack = ['Error: message', ...frames].join('\n');
      const ids = { requestId: 'f'.repeat(32), ...newTrace() };
      logBug(pino({ base: null }, destination), { ...ids, operation: 'createEnhancedConnection' }, error);
    }
    expect(lines).toHaveLength(5);
    expect(findBadLines(lines.join(''))).toEqual([]);
  });
});
