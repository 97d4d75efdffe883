import { describe, expect, it } from '@jest/globals';
import { CLASSIC_DECODER } from '../../src/dli/classic-responses.js';
import { DecodedElements } from '../../src/dli/decoded-elements.js';
import { UndocumentedFields } from '../../src/dli/field-reader.js';
import { readConnectionList } from '../../src/dli/responses.js';
import { ConfidentialTexts } from '../../src/dli/sanitize.js';

const [A, B, C] = ['a', 'b', 'c'].map(digit => ({
  is_success: true,
  connection_id: `${digit.repeat(8)}-63bf-4f27-a99b-fa5f5a2dbae1`,
  name: `name_${digit}`,
  state: 'ACTIVE',
  message: '',
  queue_list: ['q1', 'q2'],
}));
const QUEUES = [
  { peer_id: '1', name: 'q1', status: 'FAILED', err_msg: 'No route.' },
  { peer_id: '2', name: 'q2' },
];
const listOf = (elements: unknown[], more: object = {}) => ({
  is_success: true,
  message: '',
  connections: elements,
  count: elements.length,
  ...more,
});
const text = JSON.stringify;

/** Decodes a list, and returns everything that callers and the log learn about it. */
function read(body: string, decoded?: DecodedElements, status = 200) {
  const undocumented = new UndocumentedFields();
  const response = { status, text: body, undocumented, confidential: new ConfidentialTexts() };
  const connections = readConnectionList(response, CLASSIC_DECODER, decoded);
  return { connections, reported: undocumented.describe(), withoutId: undocumented.withoutId };
}

describe('a list whose elements are decoded separately is read like one that is decoded as a whole', () => {
  it.each([
    ['none', text(listOf([]))],
    ['one', text(listOf([A]))],
    ['several', text(listOf([A, B, C]))],
    ['indented', text(listOf([A, B, C]), null, 2)],
    [
      'with queues',
      text(
        listOf([
          { ...A, available_queue_info: QUEUES },
          { ...B, available_queue_info: QUEUES },
        ]),
      ),
    ],
    ['with elements that begin differently', text(listOf([A, { name: 'x', ...B }, C]))],
    ['with elements inside of elements', text(listOf([A, { ...B, more: [A, B] }, C]))],
    ['with brackets in texts', text(listOf([{ ...A, name: `],${text(B)},[` }, B]))],
    ['with brackets in the message', text({ ...listOf([A, B]), message: '[1]' })],
    ['with another list before', text({ more: [A, B], ...listOf([C]) })],
    ['with another list after', text(listOf([A, B], { more: [C] }))],
    ['with another list as the whole', text({ is_success: true, more: [A, B] })],
    ['with the list twice', text(listOf([A])).replace('{', `{"connections":[${text(B)}],`)],
    ['with an element twice', text(listOf([A, B, A]))],
    ['with odd elements', text(listOf([A, null, 7, B, [C]]))],
    [
      'with odd fields',
      text(
        listOf([
          { ...A, name: 5 },
          { ...B, connection_id: 'x' },
          { ...C, queue_list: 'q' },
        ]),
      ),
    ],
    ['with odd fields around it', text(listOf([A, { ...B, name: 5 }], { count: '2', is_success: 'true' }))],
    ['with a count that is too high', text(listOf([A, B], { count: 3 }))],
    ['without success', text(listOf([A, B], { is_success: false }))],
    ['with an error', text(listOf([A, B], { error_code: 'DLI.0001' }))],
    ['cut off', text(listOf([A, B])).slice(0, -20)],
    ['cut off in the last element', `${text(listOf([A, B])).slice(0, -40)}]}`],
    ['with a comma too many', text(listOf([A, B])).replace('},{', '},,{')],
    ['with something behind', `${text(listOf([A, B]))}]`],
    ['not a list', text(listOf([], { connections: { 0: A } }))],
    ['not JSON', '['],
  ])('%s', (_what, body) => {
    const decoded = new DecodedElements();
    const whole = read(body);
    expect(read(body, decoded)).toEqual(whole);
    // Now its elements are cached.
    expect(read(body, decoded)).toEqual(whole);
    expect(read(body, decoded, 201)).toEqual(read(body, undefined, 201));
  });
});

describe('the elements of the previous list', () => {
  it('do not make a connection appear twice if it is listed again elsewhere', () => {
    const decoded = new DecodedElements();
    for (const elements of [
      [A, B],
      [A, B, { ...A, name: 'x' }],
      [{ ...A, name: 'x' }, B, A],
      [B, A],
      [A, A, B, A],
    ])
      for (const body of [text(listOf(elements)), text(listOf(elements))])
        expect(read(body, decoded)).toEqual(read(body));
  });

  it('are decoded again only if they have changed', () => {
    const decoded = new DecodedElements();
    const before = read(text(listOf([A, B])), decoded).connections ?? [];
    const after = read(text(listOf([C, { ...B, state: 'FAILED' }, A])), decoded).connections ?? [];
    expect(after.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'name_c ACTIVE',
      'name_b FAILED',
      'name_a ACTIVE',
    ]);
    expect(after[2]).toBe(before[0]);
  });

  it('are decoded again after a new credential, which their texts may contain', () => {
    const decoded = new DecodedElements();
    const confidential = new ConfidentialTexts();
    const body = text(listOf([{ ...A, message: 'No swordfish here.' }]));
    const messages = () => {
      const response = { status: 200, text: body, undocumented: new UndocumentedFields(), confidential };
      return readConnectionList(response, CLASSIC_DECODER, decoded)?.map(connection =>
        connection.kind === 'CLASSIC' ? connection.message : undefined,
      );
    };
    expect(messages()).toEqual(['No swordfish here.']);
    confidential.add(['swordfish']);
    expect(messages()).toEqual([null]);
  });
});
