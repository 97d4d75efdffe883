import { describe, expect, it } from '@jest/globals';
import {
  DLI_ERRORS,
  documentedErrorResponse,
  findDocumentedError,
  GATEWAY_ERRORS,
  IAM_ERRORS,
} from '../../src/emulator/errors.js';

function statusesOf(codes: readonly string[]): Record<number, string[]> {
  const byStatus: Record<number, string[]> = {};
  for (const code of codes) {
    const status = findDocumentedError(code)?.status ?? 0;
    byStatus[status] = [...(byStatus[status] ?? []), code.replace(/^\w+\./, '')];
  }
  return byStatus;
}

function read(code: string, status?: number) {
  const answer = documentedErrorResponse(code, '0b67bf0abe6d9a8844030ded87109c9f', status);
  return { status: answer.status, json: JSON.parse(answer.body.toString()) as Record<string, unknown> };
}

describe('the documented errors', () => {
  it('of DLI have the statuses of the manual', () => {
    const { 400: usual, ...special } = statusesOf(Object.keys(DLI_ERRORS));
    expect(special).toEqual({ 401: ['0013', '0014'], 404: ['0023'] });
    expect(usual?.slice(0, 18).join(' ')).toBe(
      '0001 0002 0003 0004 0005 0006 0007 0008 0009 0011 0012 0015 0016 0018 0019 0100 0999 1028',
    );
  });

  it('of IAM have the statuses of the manual', () => {
    const { 400: usual, ...special } = statusesOf(Object.keys(IAM_ERRORS));
    expect(special).toEqual({
      401: ['0001', '0061', '0062', '0066', '0067'],
      403: ['0002', '0003', '0080', '0081', '0082'],
      404: ['0004'],
      409: ['0005'],
      410: ['0020'],
      429: ['0012'],
      500: ['0006'],
    });
    expect(usual?.join(' ')).toBe('0007 0009 0011 0072 0073 1101 1102 1103 1104 1105 1106 1107 1108 1109');
  });

  it('of the API gateway have the statuses of the manual', () => {
    expect(statusesOf(Object.keys(GATEWAY_ERRORS).map(number => `APIGW.${number}`))).toEqual({
      400: ['0104', '0105', '0106', '0201', '0204', '0602', '0607'],
      401: ['0301', '0303', '0305', '0307', '0311'],
      403: ['0302', '0304', '0306', '0310', '0401', '0402', '0404', '0801', '0802'],
      404: ['0101', '0103'],
      405: ['0501', '0502'],
      429: ['0308'],
      500: ['0601', '0605', '0606', '0608', '0609', '0611', '0612', '0705'],
      502: ['0610'],
      503: ['0613'],
    });
  });

  it.each([
    [413, 'Request entity too large.'],
    [414, 'Request URI too large.'],
    [494, 'Request headers too large.'],
    [502, 'Backend unavailable.'],
    [504, 'Backend timeout.'],
  ])('of the API gateway have a message for 0201 with status %i', (status, message) => {
    expect(read('APIGW.0201', status)).toMatchObject({ status, json: { error_msg: message } });
  });

  it.each([
    ['DLI.0001', ['error_code', 'error_msg']],
    ['IAM.0011', ['error_code', 'error_msg']],
    ['APIGW.0301', ['error_msg', 'error_code', 'request_id']],
    ['APIG.0301', ['error_msg', 'error_code', 'request_id']],
  ])('such as %s have the fields %j', (code, fields) => {
    const { json } = read(code);
    expect(Object.keys(json)).toEqual(fields);
    expect(json).toMatchObject({ error_code: code });
  });
});
