import { afterEach, describe, expect, it } from '@jest/globals';
import { closeGateways, startGateway } from '../helpers/gateway.js';

const CANARY = 'zq7canary';
const CANARY_NUMBER = '907140233';

afterEach(closeGateways);

describe('a document with a syntax error', () => {
  it.each<[what: string, query: string, message: string]>([
    [
      'a text where a name belongs',
      `{ "${CANARY}" }`,

      'Syntax Error: Expected Name, found String.',
    ],
    [
      'a block of text where a name belongs',
      `{ """${CANARY}""" }`,

      'Syntax Error: Expected Name, found BlockString.',
    ],
    [
      'a number where a name belongs',
      `{ ${CANARY_NUMBER} }`,

      'Syntax Error: Expected Name, found Int.',
    ],
    [
      'a fraction where a name belongs',
      `{ ${CANARY_NUMBER}.5 }`,

      'Syntax Error: Expected Name, found Float.',
    ],
    [
      'a text that does not end',
      `{ a(b: "${CANARY}`,

      'Syntax Error: Unterminated string.',
    ],
    [
      'a single quote',
      `{ a(b: '${CANARY}') }`,

      'Syntax Error: Unexpected single quote character (\'), did you mean to use a double quote (")?',
    ],
    [
      'more than 1,000 tokens',
      `{ ${'a '.repeat(1_000)}}`,

      'Syntax Error: Document contains more that 1000 tokens. Parsing aborted.',
    ],
    [
      'fields nested 3,000 deep',
      '{a'.repeat(3_000) + '}'.repeat(3_000),

      'Syntax Error: Document contains more that 1000 tokens. Parsing aborted.',
    ],
    [
      'a list nested 5,000 deep',
      `{a(b:${'['.repeat(5_000)}${']'.repeat(5_000)})}`,

      'Syntax Error: Document contains more that 1000 tokens. Parsing aborted.',
    ],
  ])('is refused without quoting it: %s', async (_what, query, message) => {
    const gateway = await startGateway();
    const { status, headers, body } = await gateway.send({ query });

    expect({ status, contentType: headers.get('content-type'), body }).toEqual({
      status: 400,
      contentType: 'application/json; charset=utf-8',
      body: {
        errors: [
          {
            message,
            locations: [{ line: 1, column: expect.any(Number) }],
            extensions: { code: 'GRAPHQL_PARSE_FAILED', traceId: headers.get('x-request-id') },
          },
        ],
      },
    });
    const shown = JSON.stringify(body) + gateway.log();
    expect(shown).not.toContain(CANARY);
    expect(shown).not.toContain(CANARY_NUMBER);
    expect(shown).not.toMatch(/call stack/i);
  });
});
