import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/config.js';
import { MINIMAL_ENVIRONMENT, printedRefusal, problemsWith } from '../helpers/config-problems.js';
import { TEST_CERTIFICATE_PATH, tlsFixture } from '../helpers/tls-fixture.js';

const CERTIFICATE = readFileSync(TEST_CERTIFICATE_PATH, 'utf8');

describe('the verification of certificates', () => {
  it('cannot be switched off', () => {
    expect(problemsWith({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toEqual([
      {
        key: 'NODE_TLS_REJECT_UNAUTHORIZED',
        rule: 'must not be 0: certificates are always verified; CA_FILE names trusted ones',
      },
    ]);
  });

  it.each([undefined, '', '1'])('accepts a variable that leaves it on: %s', value => {
    expect(() => loadConfig({ ...MINIMAL_ENVIRONMENT, NODE_TLS_REJECT_UNAUTHORIZED: value })).not.toThrow();
  });
});

describe('CA_FILE', () => {
  let folder = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'authorities-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function file(text: string): string {
    const path = join(mkdtempSync(join(folder, 'canary-')), 'ca.pem');
    writeFileSync(path, text);
    return path;
  }

  it.each([
    ['one certificate', CERTIFICATE, 1],
    ['several, with text between them', `first\n${CERTIFICATE}\nsecond\n${CERTIFICATE}`, 2],
  ])('may contain %s', (_what, text, count) => {
    expect(loadConfig({ ...MINIMAL_ENVIRONMENT, CA_FILE: file(text) }).certificates).toHaveLength(count);
  });

  it.each([
    ['does not exist', () => join(folder, 'canary')],
    ['is a folder', () => folder],
    ['is empty', () => file('')],
    ['contains a key', () => file(tlsFixture().key)],
    ['contains a truncated certificate', () => file(CERTIFICATE.slice(0, -60))],
    ['contains an invalid certificate', () => file('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')],
    [
      'contains an invalid certificate after a valid one',
      () => file(`${CERTIFICATE}${CERTIFICATE.replace('MII', 'AAA')}`),
    ],
  ])('is refused when it %s', (_what, pathOf) => {
    const changes = { CA_FILE: pathOf() };
    expect(problemsWith(changes)).toEqual([
      { key: 'CA_FILE', rule: 'must name a readable file with certificates in PEM' },
    ]);
    expect(printedRefusal({ ...changes, CALLER_AUTH: '' })).not.toMatch(/canary|authorities-/);
  });
});
