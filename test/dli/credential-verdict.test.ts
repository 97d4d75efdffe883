import { describe, expect, it } from '@jest/globals';
import { completeAttempt, credentialVerdict } from '../../src/dli/create-attempt.js';
import { ConfidentialTexts } from '../../src/dli/sanitize.js';
import { createTestClock } from '../helpers/clock.js';

describe('the verdict of a create on its credential', () => {
  it.each([
    [201, { connection_id: '0b5f3f6a-2c5e-4e3f-9a59-0f4f5b1f7c11' }, 'ACCEPTED'],
    [200, { is_success: false }, 'ACCEPTED'],
    [400, { error_code: 'DLI.0001' }, 'ACCEPTED'],
    [400, { error_code: 'DLI.0999' }, 'ACCEPTED'],
    [403, { error_code: 'DLI.0016' }, 'ACCEPTED'],
    [401, { error_code: 'APIGW.0301' }, 'REFUSED'],
    [401, { error_code: 'DLI.0013' }, 'REFUSED'],
    [400, { error_code: 'DLI.0015' }, 'REFUSED'],
    [401, {}, 'REFUSED'],
    // Authentication errors whose status is not the documented one.
    [403, { error_code: 'DLI.0013' }, 'UNPROVEN'],
    [400, { error_code: 'DLI.0014' }, 'UNPROVEN'],
    [500, { error_code: 'DLI.0015' }, 'UNPROVEN'],
    [429, { error_code: 'APIGW.0308' }, 'UNPROVEN'],
    [502, {}, 'UNPROVEN'],
  ])('after a response of status %s with the body %j is %s', (status, body, verdict) => {
    const response = { status, text: JSON.stringify(body), header: () => undefined };
    const attempt = completeAttempt(response, 'project', createTestClock(), new ConfidentialTexts());
    expect(credentialVerdict(attempt)).toBe(verdict);
  });
});
