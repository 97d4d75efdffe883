import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { HostsFilter } from '../../src/dli/hosts-filter.js';
import { createKyClient } from '../../src/huawei-cloud/ky-client.js';
import { Deadline, SYSTEM_CLOCK } from '../../src/lib/time.js';
import { onCleanup } from '../helpers/clean-up.js';
import { directTransport } from '../helpers/direct-transport.js';
import { listen } from '../helpers/listening-server.js';
import { proofSize } from '../helpers/proof-size.js';
import type { Random } from '../helpers/random.js';
import { chooseSeed, pick, randomOf } from '../helpers/random.js';

const MEGABYTE = 1024 * 1024;
const MANY_CONNECTIONS = proofSize(8, 300);
/** More than uncollected garbage takes, and half of what the long form would need without the filter. */
const MAX_RAISED_MEGABYTES = 300;

interface Limits {
  maxBytes?: number;
  maxBodyBytes?: number;
  timeoutMs?: number;
}

/** Starts an upstream and returns a function that receives its response through the filter. */
async function startUpstream(respond: (response: ServerResponse) => unknown) {
  const upstream = await listen(createServer((_request, response) => respond(response)));
  const transport = directTransport();
  onCleanup(() => transport.close());
  return ({ maxBytes, maxBodyBytes = MEGABYTE, timeoutMs = 3_600_000 }: Limits = {}) =>
    transport.send({
      method: 'GET',
      url: new URL(`http://${upstream.host}`),
      headers: {},
      deadline: new Deadline(SYSTEM_CLOCK, timeoutMs),
      maxBodyBytes,
      filter: new HostsFilter(maxBytes),
    });
}

/** Sends a body in pieces, each as a chunk of the transfer coding, and returns the filtered text. */
async function filtered(pieces: readonly (string | Buffer)[], limits: Limits = {}): Promise<string> {
  const receive = await startUpstream(response => {
    for (const piece of pieces) response.write(piece);
    response.end();
  });
  return (await receive(limits)).text;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const summary = (count: number, pairs: string) => `{"count":${count},"version":"${sha256(pairs)}"}`;

describe('hosts in a response of DLI', () => {
  it('are replaced by their number and a hash of the sorted pairs', async () => {
    const hosts = '[{"name":"b","ip":"10.0.0.1"},{"name":"a","ip":"10.0.0.2"},{"ip":"10.0.0.1","name":"a","id":7}]';
    expect(await filtered([`{"id":"c1","hosts": ${hosts} ,"name":"orders"}`])).toBe(
      `{"id":"c1","hosts": ${summary(3, '[["a","10.0.0.1"],["a","10.0.0.2"],["b","10.0.0.1"]]')} ,"name":"orders"}`,
    );
  });

  it('are sorted by UTF-16 code units', async () => {
    const hosts = ['\uffee', '\u{1f600}', 'ä', 'z', 'Z'].map(name => ({ name, ip: '1' }));
    const sorted = ['Z', 'z', 'ä', '\u{1f600}', '\uffee'].map(name => [name, '1']);
    expect(await filtered([JSON.stringify({ hosts })])).toBe(`{"hosts":${summary(5, JSON.stringify(sorted))}}`);
  });

  it('have the same version in every order and spelling', async () => {
    const version = 'daf29c9fdb711c7d943384ed788af20157fcddbd9d2bc80b33ef3fee537ef49f';
    const hosts = [
      '{"name":"a/b","ip":"1"},{"name":"c","ip":"2"}',
      '{ "ip" : "2", "name":"\\u0063"}, {"ip":"1","name":"a\\/b"}',
    ];
    for (const each of hosts)
      expect(JSON.parse(await filtered([`{"hosts":[${each}]}`]))).toEqual({ hosts: { count: 2, version } });
  });

  it('count only if their name and ip are strings', async () => {
    const odd =
      '[null,1,"a",[],{},{"name":"a"},{"ip":"1"},{"name":1,"ip":"1"},{"name":"a","ip":null},{"name":"a","ip":"1"}]';
    expect(await filtered([`{"hosts":${odd}}`])).toBe(`{"hosts":${summary(1, '[["a","1"]]')}}`);
    expect(await filtered(['{"hosts":[]}'])).toBe(`{"hosts":${summary(0, '[]')}}`);
  });

  it('are found even if they contain brackets, quotes and hosts', async () => {
    const hosts = '[{"name":"]}\\"[{\\\\","ip":"\\"hosts\\":["},{"hosts":[{"name":"x","ip":"y"}]}]';
    const pairs = '[["]}\\"[{\\\\","\\"hosts\\":["]]';
    expect(await filtered([`{"hosts":${hosts},"hosts":[]}`])).toBe(
      `{"hosts":${summary(1, pairs)},"hosts":${summary(0, '[]')}}`,
    );
  });

  it.each([
    ['a response without hosts', '{"is_success":true,"connections":[{"id":"c1"},{"host":[1]}]}'],
    ['hosts that are no array', '{"hosts":null,"a":{"hosts":{"hosts":{}}},"b":{"hosts":"[1]"},"c":{"hosts":1}}'],
    ['hosts as a value', '{"a":"hosts","b":["hosts",["hosts"]],"hosts":false}'],
    [
      'the key in a text',
      '{"a":"\\"hosts\\":[1]","b":"\\\\\\"hosts\\":[1]","abc\\"hosts":[1],"a_hosts":[1],"hosts_a":[1]}',
    ],
    ['an array that is invalid JSON', '{"hosts":[{"name":"a",}],"a":1}'],
    ['brackets that do not match', '{"hosts":[{"name":"a"]},"a":1}'],
    ['an array without an end', '{"hosts":[{"name":"a","ip":"1"},{"name":"b'],
    ['a text without an end', '{"hosts":["abc\\'],
    ['no JSON', '<html>"hosts"</html>'],
    ['an empty body', ''],
  ])('leave all other text unchanged: %s', async (_title, text) => {
    expect(await filtered([text])).toBe(text);
    expect(await filtered(text.split(''))).toBe(text);
  });
});

/** A random JSON value with the key `hosts` in many places. */
function randomValue(random: Random, depth: number): unknown {
  const texts = ['a', 'hosts', '"hosts":[', '\\"hosts":[', '\\', '"', ']', '}', 'ä€\u{1f600}', '', 'x'.repeat(50)];
  const scalars = [null, true, 1.5e-7, ...texts];
  if (depth === 0 || random() < 0.2) return pick(random, scalars);
  const length = Math.floor(random() * 4);
  const values = () => Array.from({ length }, () => randomValue(random, depth - 1));
  if (random() < 0.3) return values();
  if (random() < 0.4) return { name: pick(random, texts), ip: pick(random, scalars) };
  const keys = ['hosts', 'hosts', 'host', '"hosts', '\\"hosts', 'id', 'ü'];
  return Object.fromEntries(values().map(value => [pick(random, keys), value]));
}

/** The JSON text of a value, with random white space and escapes. Keys are written without needless escapes. */
function print(value: unknown, random: Random): string {
  const space = () => (random() < 0.7 ? '' : pick(random, [' ', '\n', '\t', '\r\n  ']));
  const list = (items: string[]) => items.map(item => `${space()}${item}${space()}`).join(',');
  if (Array.isArray(value)) return `[${list(value.map(item => print(item, random)))}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([key, member]) => `${JSON.stringify(key)}${space()}:${space()}${print(member, random)}`,
    );
    return `{${list(members)}}`;
  }
  const text = JSON.stringify(value);
  return typeof value === 'string' && random() < 0.2
    ? text.replaceAll('h', '\\u0068').replaceAll('[', '\\u005b')
    : text;
}

/** The value that the filter must return for a value. */
function withSummaries(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSummaries);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      key === 'hosts' && Array.isArray(member) ? summaryOf(member) : withSummaries(member),
    ]),
  );
}

function summaryOf(hosts: readonly { name?: unknown; ip?: unknown }[]) {
  const pairs = hosts.flatMap(host =>
    typeof host?.name === 'string' && typeof host.ip === 'string' ? [[host.name, host.ip] as const] : [],
  );
  pairs.sort(([a, b], [c, d]) => (a === c ? Number(b > d) - Number(b < d) : a > c ? 1 : -1));
  return { count: pairs.length, version: sha256(JSON.stringify(pairs)) };
}

/** Cuts bytes at random places, mostly into short pieces. */
function cut(bytes: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = [];
  const longest = pick(random, [1, 2, 9, 40, 500]);
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + Math.floor(random() * longest);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

describe('random responses in random pieces', () => {
  const seed = chooseSeed();

  it(`have summaries exactly in place of their hosts (seed ${seed})`, async () => {
    const random = randomOf(seed);
    const kinds = new Set<boolean>();
    let pieces: Buffer[] = [];
    const receive = await startUpstream(response => {
      for (const piece of pieces) response.write(piece);
      response.end();
    });
    for (let index = 0; index < proofSize(150, 10_000); index += 1) {
      const value = { connections: [randomValue(random, 6), randomValue(random, 6)] };
      const text = print(value, random);
      pieces = cut(Buffer.from(text), random);
      const expected = withSummaries(value);
      kinds.add(JSON.stringify(expected) === JSON.stringify(value));
      expect(JSON.parse((await receive()).text)).toEqual(expected);
    }
    expect(kinds.size).toBe(2);
  });
});

const built = (path: string) => new URL(`../../dist/${path}.js`, import.meta.url).href;

/** Receives a response from the URL in its argument, and prints what was kept and by how much its memory rose. */
const RECEIVE = `
  import { HostsFilter } from '${built('dli/hosts-filter')}';
  import { Transport } from '${built('huawei-cloud/transport')}';
  import { Deadline, SYSTEM_CLOCK } from '${built('lib/time')}';
  import { NO_METRICS } from '${built('metrics/metrics')}';
  const transport = new Transport({ egress: {}, pool: 'reads', metrics: NO_METRICS });
  const startBytes = process.memoryUsage.rss();
  const { text } = await transport.send({
    method: 'GET',
    url: new URL(process.argv[1]),
    headers: {},
    deadline: new Deadline(SYSTEM_CLOCK, 3_600_000),
    maxBodyBytes: 1_000_000,
    filter: new HostsFilter(),
  });
  const raisedMegabytes = (process.resourceUsage().maxRSS * 1024 - startBytes) / ${MEGABYTE};
  console.log(JSON.stringify({ raisedMegabytes, connections: JSON.parse(text) }));
  await transport.close();
`;

/** The text of 20,000 hosts. */
const manyHosts = () =>
  JSON.stringify(
    Array.from({ length: 20_000 }, (_, index) => ({ name: `node-${index}.data.example.com`, ip: '10.0.0.1' })),
  );

describe('the size of a response', () => {
  it('is measured after the hosts were replaced', async () => {
    const text = `{"hosts":${manyHosts()}}`;
    expect(text.length).toBeGreaterThan(MEGABYTE);
    expect(JSON.parse(await filtered([text], { maxBodyBytes: 200 }))).toMatchObject({ hosts: { count: 20_000 } });
    await expect(filtered([text], { maxBodyBytes: 80 })).rejects.toMatchObject({ failure: 'TOO_LARGE' });
  });

  it('is limited to 8 MB for one array of hosts', async () => {
    const part = `"${'x'.repeat(MEGABYTE - 3)}"`;
    const array = (last: string) => ['{"hosts":[', ...Array(7).fill(`${part},`), `${last}]}`];
    expect(await filtered(array(`"${'x'.repeat(MEGABYTE - 4)}"`))).toBe(`{"hosts":${summary(0, '[]')}}`);
    await expect(filtered(array(`"${'x'.repeat(MEGABYTE - 3)}"`))).rejects.toMatchObject({ failure: 'TOO_LARGE' });
  });

  it('is limited before the hosts are replaced, too', async () => {
    const piece = Buffer.from(`"hosts":[${' '.repeat(MEGABYTE)}],`);
    let written = 0;
    const receive = await startUpstream(response => {
      const go = () => {
        written += piece.length;
        if (!response.destroyed && response.write(piece)) setImmediate(go);
      };
      response.on('drain', go);
      go();
    });
    await expect(receive({ maxBytes: 5 * MEGABYTE })).rejects.toMatchObject({ failure: 'TOO_LARGE' });
    expect(written).toBeGreaterThanOrEqual(5 * MEGABYTE);
  });

  it(`needs little memory when it has ${MANY_CONNECTIONS} times 20,000 hosts`, async () => {
    const connection = `{"hosts":${manyHosts()}}`;
    const upstream = await listen(
      createServer((_request, response) => {
        const parts = Array.from({ length: MANY_CONNECTIONS }, (_, index) =>
          index === 0 ? `[${connection}` : `,${connection}`,
        );
        Readable.from([...parts, ']']).pipe(response);
      }),
    );
    // A separate process, whose memory nothing else uses, with a heap limit so that it does not grow needlessly.
    const receive = ['--max-old-space-size=64', '--input-type=module', '-e', RECEIVE, `http://${upstream.host}`];
    const { stdout } = await promisify(execFile)(process.execPath, receive);
    const { raisedMegabytes, connections } = JSON.parse(stdout);
    expect(connections).toEqual(Array(MANY_CONNECTIONS).fill({ hosts: summaryOf(JSON.parse(manyHosts())) }));
    expect(raisedMegabytes).toBeLessThan(MAX_RAISED_MEGABYTES);
  });
});

describe('the time of a response', () => {
  it('is not limited while it keeps arriving, but between its bytes', async () => {
    const startMs = performance.now();
    const arriving = await startUpstream(response => {
      response.write('{"hosts":[1');
      const timer = setInterval(() => {
        if (performance.now() - startMs < 5_500) response.write(',1');
        else response.end(']}');
      }, 100);
      response.on('close', () => clearInterval(timer));
    });
    const stalled = await startUpstream(response => response.write('{"hosts":[1'));
    const [text] = await Promise.all([
      arriving().then(response => response.text),
      expect(stalled()).rejects.toMatchObject({ failure: 'TIMEOUT' }),
    ]);
    expect(text).toBe(`{"hosts":${summary(0, '[]')}}`);
  });

  it('ends at the deadline', async () => {
    const receive = await startUpstream(response => {
      response.write('{"hosts":[1');
      const timer = setInterval(() => response.write(',1'), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(receive({ timeoutMs: 300 })).rejects.toMatchObject({ failure: 'TIMEOUT' });
  });
});

describe('a client of ky', () => {
  it('receives the filtered response', async () => {
    const upstream = await listen(createServer((_request, response) => response.end('{"hosts":[1]}')));
    const transport = directTransport();
    onCleanup(() => transport.close());
    const limits = { deadline: new Deadline(SYSTEM_CLOCK, 30_000), maxBodyBytes: 1_024, filter: new HostsFilter() };
    const response = await createKyClient(transport)(new URL(`http://${upstream.host}/`), { limits });
    expect(await response.text()).toBe(`{"hosts":${summary(0, '[]')}}`);
  });
});
