import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { SourceMapPayload } from 'node:module';
import { SourceMap } from 'node:module';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { createEmulator } from '../../src/emulator/emulator.js';
import { onCleanup } from '../helpers/clean-up.js';
import { readDocument } from '../helpers/documents.js';
import { CREATE_MUTATION, sendGraphql, VALID_INPUT } from '../helpers/gateway.js';
import { environmentFor, startGatewayProcess } from '../helpers/gateway-process.js';
import { QUICK_FOLDER } from '../helpers/quick-folder.js';

const MAX_FILES = 50;
const WARM_UPS = 3;
// Timers fire during some creates, but not during each one.
const MEASURED = 3;

// V8 writes the calls of each function since it last wrote.
const PRELOAD = `
  import { takeCoverage } from 'node:v8';
  let times = 0;
  process.on('SIGUSR2', () => {
    takeCoverage();
    times += 1;
    process.stdout.write('coverage taken: ' + times + '\\n');
  });`;

/** A file that V8 writes into NODE_V8_COVERAGE. */
interface Coverage {
  result: { url: string; functions: { ranges: { startOffset: number; count: number }[] }[] }[];
  'source-map-cache': Record<string, { data: SourceMapPayload; lineLengths: number[] }>;
}

it('a create enters at most 50 files, including those that docs/architecture.md names', async () => {
  const folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-coverage-'));
  onCleanup(() => rmSync(folder, { recursive: true }));
  const emulator = createEmulator();
  onCleanup(() => emulator.close());
  const environment = { ...environmentFor(await emulator.listen()), NODE_V8_COVERAGE: folder };
  const gateway = startGatewayProcess(environment, { preload: PRELOAD });
  const { graphqlUrl } = await gateway.addresses();

  for (let creates = 1; creates <= WARM_UPS + MEASURED; creates += 1) {
    const input = { ...VALID_INPUT, name: `orders_${creates}` };
    const { body } = await sendGraphql(graphqlUrl, { query: CREATE_MUTATION, variables: { input } });
    expect(body).toMatchObject({
      data: { createDatasourceConnection: { __typename: 'CreateDatasourceConnectionSuccess' } },
    });
    gateway.signal('SIGUSR2');
    await gateway.find(new RegExp(`coverage taken: ${creates}\n`));
  }
  const [first = [], ...others] = readdirSync(folder)
    .sort()
    .slice(WARM_UPS)
    .map(name => filesIn(JSON.parse(readFileSync(join(folder, name), 'utf8'))));
  const files = first.filter(file => others.every(list => list.includes(file)));

  expect(others.length).toBe(MEASURED - 1);
  expect(files).toEqual(expect.arrayContaining(filesOfTour()));
  expect(files.length).toBeLessThanOrEqual(MAX_FILES);
});

/** The files of `src` with a function that was called, according to the source maps of the bundles. */
function filesIn(coverage: Coverage): string[] {
  const files = coverage.result.flatMap(({ url, functions }) => {
    const cached = coverage['source-map-cache'][url];
    if (cached === undefined || url.includes('/node_modules/')) return [];
    const map = new SourceMap(cached.data);
    const called = functions.flatMap(({ ranges }) => ranges.slice(0, 1)).filter(({ count }) => count > 0);
    return called.flatMap(({ startOffset }) => {
      const { line, column } = positionOf(startOffset, cached.lineLengths);
      const entry = map.findEntry(line, column);
      return 'originalSource' in entry ? [entry.originalSource] : [];
    });
  });
  return [...new Set(files)].map(url => url.replace(/^.*\/src\//, '')).sort();
}

function positionOf(offset: number, lineLengths: number[]): { line: number; column: number } {
  let column = offset;
  let line = 0;
  for (; column > (lineLengths[line] ?? column); line += 1) column -= (lineLengths[line] ?? 0) + 1;
  return { line, column };
}

/** The files that the steps of "Follow one create" name in bold. */
function filesOfTour(): string[] {
  const [, tour = ''] = /^## Follow one create$(.*?)^## /ms.exec(readDocument('docs/architecture.md')) ?? [];
  const files = [...tour.matchAll(/\*\*`(.+?)`\*\*/g)].map(([, path = '']) => path);
  expect(files.length).toBeGreaterThan(4);
  return files;
}
