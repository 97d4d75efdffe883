import { describe, expect, it } from '@jest/globals';
import type { Answer, ReceivedRequest } from './helpers/dli-clients.js';
import { ENHANCED, errorOf, linesOf, startClients } from './helpers/dli-clients.js';

const ERROR: Answer = { status: 400, body: { error_code: 'DLI.0999', error_msg: 'Server-side errors.' } };

const idOf = (number: number) => `4c693ecc-bab8-4113-a838-${String(number).padStart(12, '0')}`;
const connectionOf = (number: number) => ({ id: idOf(number), name: `c${number}`, status: 'ACTIVE' });
const numbersTo = (count: number) => Array.from({ length: count }, (_, index) => index);

const offsetOf = ({ query }: ReceivedRequest) => Number(new URLSearchParams(query).get('offset'));

/** The response with a page of these connections. */
function pageOf(numbers: readonly number[], offset: number, more: object = {}): Answer {
  const connections = numbers.slice(offset, offset + 100).map(connectionOf);
  return { body: { is_success: true, message: '', connections, count: connections.length, ...more } };
}

/** Lists the connections of a DLI, and returns their numbers and the sorted offsets that were read. */
async function listFrom(answer: (offset: number, index: number) => Answer) {
  const { enhanced, context, received } = await startClients((request, index) => answer(offsetOf(request), index));
  const { connections } = await enhanced.listConnections(context());
  return {
    numbers: connections.map(({ name }) => Number(name?.slice(1))),
    offsets: received.map(offsetOf).toSorted((one, other) => one - other),
  };
}

describe('the pages of a list of enhanced connections', () => {
  it.each([
    [0, [0]],
    [1, [0]],
    [99, [0]],
    [100, [0, 99]],
    [199, [0, 99, 198]],
    [298, [0, 99, 198, 297]],
    [396, [0, 99, 198, 297]],
    [397, [0, 99, 198, 297, 396]],
  ])('contain all of %i connections once, in the order of DLI', async (count, expected) => {
    const all = numbersTo(count);
    const { numbers, offsets } = await listFrom(offset => pageOf(all, offset));
    expect(numbers).toEqual(all);
    // Whether pages beyond the end are requested depends on the timing.
    expect(offsets.filter(offset => offset === 0 || offset < count)).toEqual(expected);
  });

  it('are requested with a limit and without a state', async () => {
    const { enhanced, context, received } = await startClients(() => pageOf([], 0));
    await enhanced.listConnections(context());
    expect(linesOf(received)).toEqual([`GET ${ENHANCED}?limit=100&offset=0`]);
  });

  it('may report the count of the whole list', async () => {
    const all = numbersTo(150);
    const { numbers } = await listFrom(offset => pageOf(all, offset, { count: 150 }));
    expect(numbers).toEqual(all);
  });

  it('are one page where DLI ignores the limit', async () => {
    const all = numbersTo(250).map(connectionOf);
    const { numbers, offsets } = await listFrom(() => ({ body: { connections: all, count: 250 } }));
    expect(numbers).toHaveLength(250);
    expect(offsets).toEqual([0]);
  });

  it('are read again if a connection was deleted meanwhile, because another may be on neither page', async () => {
    const before = numbersTo(150);
    const after = before.slice(1);
    let reads = 0;
    const { numbers } = await listFrom(offset => {
      if (offset === 0) reads += 1;
      return pageOf(offset === 0 && reads === 1 ? before : after, offset);
    });
    expect(numbers).toEqual(after);
    expect(reads).toBe(2);
  });

  it('are complete, without repeats, if a connection was created meanwhile', async () => {
    let reads = 0;
    const { numbers } = await listFrom(offset => {
      if (offset === 0) reads += 1;
      return pageOf(offset === 0 ? numbersTo(150) : [1_000, ...numbersTo(150)], offset);
    });
    expect(numbers.toSorted((one, other) => one - other)).toEqual(numbersTo(150));
    expect(reads).toBe(1);
  });

  it('yield no list if some may be missing after three reads', async () => {
    const { enhanced, context, received } = await startClients(request => {
      const offset = offsetOf(request);
      return pageOf(offset === 0 ? numbersTo(150) : numbersTo(150).slice(1), offset);
    });
    expect(await errorOf(enhanced.listConnections(context()))).toMatchObject({ name: 'DliError', code: 'UNAVAILABLE' });
    expect(received.filter(request => offsetOf(request) === 0)).toHaveLength(3);
  });

  it.each<[what: string, answer: Answer]>([
    ['is refused', { status: 400, body: { error_code: 'DLI.0007', error_msg: 'no' } }],
    ['fails', ERROR],
    ['is lost', { isLost: true }],
    ['is no JSON', { body: '<html>' }],
    ['has no connections', { body: { is_success: true } }],
    ['has fewer than counted', { body: { connections: [], count: 200 } }],
    ['reports a failure', { body: { is_success: false, connections: [] } }],
  ])('yield no list if the second one %s', async (_what, second) => {
    const { enhanced, context } = await startClients(request =>
      offsetOf(request) === 99 ? second : pageOf(numbersTo(150), offsetOf(request)),
    );
    expect(await errorOf(enhanced.listConnections(context()))).toMatchObject({ name: 'DliError' });
  });

  it('yield a list even if a page beyond its end fails', async () => {
    const { numbers } = await listFrom(offset => (offset > 150 ? ERROR : pageOf(numbersTo(150), offset)));
    expect(numbers).toEqual(numbersTo(150));
  });

  it('yield no list if there are more than 300', async () => {
    const { enhanced, context, received } = await startClients(request => {
      const offset = offsetOf(request);
      const connections = numbersTo(100).map(index => connectionOf(offset + index));
      return { body: { connections } };
    });
    expect(await errorOf(enhanced.listConnections(context()))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(received).toHaveLength(300);
  });
});

describe('the reconciliation of enhanced connections', () => {
  it.each([
    ['everything', {}, 'limit=100&offset=0&status=ACTIVE'],
    ['a name', { name: 'a b&c' }, 'limit=100&offset=0&status=ACTIVE&name=a+b%26c'],
    ['a tag', { tag: { key: 'gw_req', value: 'x=1' } }, 'limit=100&offset=0&status=ACTIVE&tags=gw_req%3Dx%3D1'],
  ])('requests only live connections: %s', async (_what, filter, query) => {
    const { enhanced, context, received } = await startClients(() => pageOf([1], 0));
    const { connections } = await enhanced.listForReconciliation(context(), filter);
    expect(connections.map(({ id }) => id)).toEqual([idOf(1)]);
    expect(linesOf(received)).toEqual([`GET ${ENHANCED}?${query}`]);
  });

  it('is not retried', async () => {
    const { enhanced, context, received } = await startClients(() => ({ isLost: true }));
    expect(await errorOf(enhanced.listForReconciliation(context()))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(received).toHaveLength(1);
  });
});
