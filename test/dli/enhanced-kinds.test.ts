import { describe, expect, it } from '@jest/globals';
import { createManualClock } from '../helpers/manual-clock.js';
import type { Answer, ReceivedRequest } from './helpers/dli-clients.js';
import { CLASSIC, ENHANCED, errorOf, linesOf, NOT_OFFERED, startClients, UNKNOWN_ID } from './helpers/dli-clients.js';

const ID = '4c693ecc-bab8-4113-a838-129cedc9a563';
const OTHER_ID = '68233202-63bf-4f27-a99b-fa5f5a2dbae1';
const CLASSIC_GET = `GET ${CLASSIC}/${ID}`;
const ENHANCED_GET = `GET ${ENHANCED}/${ID}`;
const CLASSIC_LIST = `GET ${CLASSIC}`;
const ENHANCED_LIST = `GET ${ENHANCED}?limit=100&offset=0`;

const FOUND: Answer = { body: { id: ID, connection_id: ID, status: 'ACTIVE', state: 'ACTIVE' } };
const NO_LIST: Answer = { body: { connections: [] } };
const LISTED: Answer = { body: { connections: [{ id: ID, connection_id: ID, status: 'DELETED', state: 'DELETED' }] } };
const ERROR: Answer = { status: 400, body: { error_code: 'DLI.0999', error_msg: 'Server-side errors.' } };
const FORBIDDEN: Answer = { status: 403, body: { error_code: 'APIGW.0302', error_msg: 'no' } };
const REFUSED: Answer = { status: 400, body: { error_code: 'DLI.0001', error_msg: 'Parameter check error.' } };
const NO_PAGE: Answer = { status: 404, body: '<html>Not Found</html>' };

type Answers = Readonly<Record<'classic' | 'classicList' | 'enhanced' | 'enhancedList', Answer>>;

const UNKNOWN_TO_BOTH: Answers = {
  classic: UNKNOWN_ID,
  classicList: NO_LIST,
  enhanced: UNKNOWN_ID,
  enhancedList: NO_LIST,
};

/** Starts clients of a DLI that gives the same answer to every request of a type. */
function startWith(changes: Partial<Answers>) {
  const answers = { ...UNKNOWN_TO_BOTH, ...changes };
  return startClients(({ path }: ReceivedRequest) => {
    if (path.startsWith(ENHANCED)) return path === ENHANCED ? answers.enhancedList : answers.enhanced;
    return path === CLASSIC ? answers.classicList : answers.classic;
  });
}

describe('the kind of a connection', () => {
  it.each<[kind: string, changes: Partial<Answers>, asked: string[]]>([
    ['CLASSIC', { classic: FOUND }, [CLASSIC_GET]],
    ['ENHANCED', { enhanced: FOUND }, [CLASSIC_GET, ENHANCED_GET]],
  ])('%s is found by asking DLI, and remembered whatever the case of the id', async (kind, changes, asked) => {
    const { connections, context, received } = await startWith(changes);
    expect(await connections.getConnection(ID, context())).toMatchObject({ id: ID, kind });
    expect(linesOf(received)).toEqual(asked);
    expect(await connections.getForChange(ID.toUpperCase(), context())).toMatchObject({ kind });
    expect(received).toHaveLength(asked.length + 1);
    expect(received.at(-1)?.path).toMatch(kind === 'CLASSIC' ? CLASSIC : ENHANCED);
  });

  it('is remembered from lists, and from creates', async () => {
    const { connections, context, received } = await startWith({ enhanced: FOUND, enhancedList: LISTED });
    await connections.listConnections(context());
    connections.remember(OTHER_ID, 'CLASSIC');
    received.length = 0;
    expect(await connections.getConnection(ID, context())).toMatchObject({ kind: 'ENHANCED' });
    expect(await connections.getConnection(OTHER_ID, context())).toBeUndefined();
    expect(linesOf(received)).toEqual([ENHANCED_GET, `GET ${CLASSIC}/${OTHER_ID}`]);
  });

  it.each<[what: string, classic: Answer]>([
    ['fails', ERROR],
    ['is forbidden', FORBIDDEN],
    ['is refused', REFUSED],
    ['is not offered', NOT_OFFERED],
    ['gets no response', { isLost: true }],
  ])('is found when the first get %s', async (_what, classic) => {
    const { connections, context, received } = await startWith({ classic, enhanced: FOUND });
    expect(await connections.getConnection(ID, context())).toMatchObject({ kind: 'ENHANCED' });
    expect(linesOf(received)).not.toContain(CLASSIC_LIST);
  });
});

const NOT_OFFERED_APIG = { status: 404, body: { error_code: 'APIG.0101' } };

describe('a connection of neither kind', () => {
  it.each<[what: string, answer: Answer]>([
    ['DLI.0002', UNKNOWN_ID],
    ['404 DLI.0023', { status: 404, body: { error_code: 'DLI.0023', error_msg: 'none' } }],
    [
      'DLI.0001 and its text',
      { status: 400, body: { error_code: 'DLI.0001', error_msg: `Connection ${ID} is not exist` } },
    ],
    ['DLI.0001 and another text', { status: 400, body: { error_code: 'DLI.0001', error_msg: 'It does NOT EXIST.' } }],
    ['a list of one error', { status: 400, body: [{ error_code: 'DLI.0002', error_msg: 'none' }] }],
  ])('is known to be absent by %s', async (_what, enhanced) => {
    const { connections, context, received } = await startWith({ enhanced });
    expect(await connections.getConnection(ID, context())).toBeUndefined();
    expect(linesOf(received)).toEqual([CLASSIC_GET, ENHANCED_GET]);
  });

  it.each<[what: string, answer: Answer]>([
    ['DLI.0001 without its text', REFUSED],
    ['a list of two errors', { status: 400, body: [{ error_code: 'DLI.0002' }, { error_code: 'DLI.0002' }] }],
    ['404 without a code', NO_PAGE],
    ['an unknown code', { status: 404, body: { error_code: 'EPS.0004', error_msg: '' } }],
  ])('is absent after %s if the list lacks it, too', async (_what, enhanced) => {
    const { connections, context, received } = await startWith({ enhanced });
    expect(await connections.getConnection(ID, context())).toBeUndefined();
    expect(linesOf(received)).toEqual([CLASSIC_GET, ENHANCED_GET, ENHANCED_LIST]);
  });

  it('is present if its get is refused but the list has it', async () => {
    const { connections, context } = await startWith({ enhanced: REFUSED, enhancedList: LISTED });
    expect(await connections.getConnection(ID, context())).toMatchObject({ kind: 'ENHANCED', state: 'DELETED' });
  });

  it.each<[what: string, changes: Partial<Answers>]>([
    ['classic', { classic: NOT_OFFERED, classicList: NOT_OFFERED }],
    ['enhanced', { enhanced: NOT_OFFERED, enhancedList: NOT_OFFERED }],
    ['classic, without a code,', { classic: NO_PAGE, classicList: NO_PAGE }],
    ['enhanced, without a code,', { enhanced: NO_PAGE, enhancedList: NO_PAGE }],
    ['enhanced, in the old spelling,', { enhanced: NOT_OFFERED_APIG, enhancedList: NOT_OFFERED_APIG }],
  ])('is absent where DLI does not offer one kind: %s', async (_which, changes) => {
    const { connections, context } = await startWith(changes);
    expect(await connections.getConnection(ID, context())).toBeUndefined();
  });

  it('is unknown where DLI offers neither kind', async () => {
    const { connections, context } = await startWith({ classic: NOT_OFFERED, enhanced: NOT_OFFERED });
    expect(await errorOf(connections.getConnection(ID, context()))).toMatchObject({
      code: 'REJECTED',
      upstreamCode: 'APIGW.0101',
    });
  });

  it.each<[what: string, changes: Partial<Answers>, code: string]>([
    ['the get of the first fails', { classic: ERROR }, 'UNAVAILABLE'],
    ['the get of the second fails', { enhanced: ERROR }, 'UNAVAILABLE'],
    ['the first is forbidden and the second fails', { classic: FORBIDDEN, enhanced: ERROR }, 'AUTH_FAILED'],
    [
      'the first is not offered and the second fails',
      { classic: NOT_OFFERED, classicList: NOT_OFFERED, enhanced: ERROR },
      'UNAVAILABLE',
    ],
    ['one is not offered, but can be listed', { enhanced: NOT_OFFERED }, 'REJECTED'],
    ['the list fails', { enhanced: REFUSED, enhancedList: ERROR }, 'REJECTED'],
  ])('is an error when %s', async (_what, changes, code) => {
    const { connections, context } = await startWith(changes);
    expect(await errorOf(connections.getConnection(ID, context()))).toMatchObject({ name: 'DliError', code });
  });

  it('is looked up as the second kind even if the first lookup gets no response in time', async () => {
    const clock = createManualClock();
    const { connections, context } = await startClients(({ path }) => {
      if (path.startsWith(ENHANCED)) return FOUND;
      clock.advance(1_000);
      return new Promise<Answer>(() => undefined);
    }, clock);
    expect(await connections.getConnection(ID, context(2_000))).toMatchObject({ kind: 'ENHANCED' });
  });
});

describe('the lists of both kinds', () => {
  it('are read at once', async () => {
    const { connections, context, received } = await startWith({
      classicList: { body: { connections: [{ connection_id: OTHER_ID, state: 'ACTIVE' }] } },
      enhancedList: LISTED,
    });
    const { connections: listed, failures } = await connections.listConnections(context());
    expect(listed.map(({ id, kind }) => [id, kind])).toEqual([
      [OTHER_ID, 'CLASSIC'],
      [ID, 'ENHANCED'],
    ]);
    expect(failures.size).toBe(0);
    expect(linesOf(received).toSorted()).toEqual([CLASSIC_LIST, ENHANCED_LIST].toSorted());
  });

  it.each<[kind: string, changes: Partial<Answers>, code: string]>([
    ['CLASSIC', { classicList: ERROR, enhancedList: LISTED }, 'UNAVAILABLE'],
    ['ENHANCED', { enhancedList: ERROR, classicList: LISTED }, 'UNAVAILABLE'],
    ['CLASSIC', { classicList: NOT_OFFERED, enhancedList: LISTED }, 'REJECTED'],
    ['ENHANCED', { enhancedList: NO_PAGE, classicList: LISTED }, 'REJECTED'],
  ])('report a failure of %s along with the connections of the other kind', async (kind, changes, code) => {
    const { connections, context } = await startWith(changes);
    const { connections: listed, failures } = await connections.listConnections(context());
    expect(listed.map(({ id }) => id)).toEqual([ID]);
    expect([...failures].map(([failed, error]) => [failed, error.code])).toEqual([[kind, code]]);
  });

  it('fail with the error of the classic ones when neither can be read', async () => {
    const { connections, context } = await startWith({ classicList: FORBIDDEN, enhancedList: ERROR });
    expect(await errorOf(connections.listConnections(context()))).toMatchObject({ code: 'AUTH_FAILED' });
  });

  it('log at most 20 lines about a kind that is not offered, and then the number of the others', async () => {
    const { connections, context, logged, sampler } = await startWith({ classicList: NOT_OFFERED });
    for (let read = 0; read < 25; read += 1) await connections.listConnections(context());
    const failed = logged.filter(({ outcome }) => outcome === 'REJECTED');
    expect(failed).toHaveLength(20);
    expect(failed[0]).toMatchObject({ operation: 'listConnections', outcome: 'REJECTED', upstreamCode: 'APIGW.0101' });
    sampler.close();
    expect(logged.at(-1)).toEqual({
      target: 'dli',
      operation: 'listConnections',
      outcome: 'REJECTED',
      count: 5,
      msg: 'upstream calls not logged',
    });
  });

  it('decode unchanged classic connections once, until they are released', async () => {
    const { connections, context } = await startWith({ classicList: LISTED });
    const read = async () => (await connections.listConnections(context())).connections[0];
    const first = await read();
    expect(await read()).toBe(first);
    connections.release();
    const again = await read();
    expect(again).toEqual(first);
    expect(again).not.toBe(first);
  });
});

describe('a delete', () => {
  it.each([
    ['CLASSIC', `DELETE ${CLASSIC}/${ID}`, 'deleteConnection'],
    ['ENHANCED', `DELETE ${ENHANCED}/${ID}`, 'deleteEnhancedConnection'],
  ] as const)('of a known kind is sent to that kind only: %s', async (kind, line, operation) => {
    const unsuccessful = { is_success: false, message: 'boom' };
    const { connections, context, received, logged } = await startClients((_request, index) => ({
      body: index === 0 ? { is_success: true, message: 'Deleted' } : unsuccessful,
    }));
    expect(await connections.deleteConnection(kind, ID, context())).toMatchObject({ kind: 'deleted' });
    expect(await connections.deleteConnection(kind, ID, context())).toMatchObject({
      kind: 'unsuccessful',
      upstreamMessage: 'boom',
    });
    expect(linesOf(received)).toEqual([line, line]);
    expect(logged).toMatchObject([
      { operation, outcome: 'OK', status: 200 },
      { operation, outcome: 'unsuccessful', status: 200, upstreamMessage: 'boom' },
    ]);
  });

  it.each<[what: string, answer: Answer]>([
    ['DLI.0002', UNKNOWN_ID],
    ['DLI.0001', { status: 400, body: { error_code: 'DLI.0001', error_msg: `Connection ${ID} is not exist.` } }],
  ])('of a connection that DLI does not have finds nothing: %s', async (_what, enhanced) => {
    const { connections, context } = await startWith({ enhanced });
    expect(await connections.deleteConnection('ENHANCED', ID, context())).toMatchObject({ kind: 'notFound' });
  });

  it('of a connection that DLI is still binding is rejected', async () => {
    const busy = { status: 400, body: { error_code: 'DLI.0007', error_msg: 'Not allowed.' } };
    const { connections, context } = await startWith({ enhanced: busy });
    expect(await errorOf(connections.deleteConnection('ENHANCED', ID, context()))).toMatchObject({
      code: 'REJECTED',
      upstreamCode: 'DLI.0007',
    });
  });
});
