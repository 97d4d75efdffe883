/**
 * Entry point of the benchmark: compares the cost of the gateway with the usual build, a peer with Apollo's REST client
 * and a bare minimum, in one run. A missed goal is only printed; a wrong answer makes it exit with 1.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ChildProcesses } from './child-processes.js';
import { findGoals } from './goals.js';
import { measureCreates } from './measure-creates.js';
import { measureChanges, measurePages } from './measure-lists.js';
import { readOptions } from './options.js';
import { requireProc } from './process-metrics.js';
import { printProgress } from './progress.js';
import { formatReport } from './report.js';
import { describeRun } from './result.js';
import { findVariants } from './variants.js';

async function run(): Promise<void> {
  requireProc();
  const options = readOptions(process.argv.slice(2), process.env);
  const variants = findVariants(options.variants, options.baseline);
  // The lists are the same, no matter what was created.
  const gateways = variants.filter(({ isGateway, kind }) => isGateway && kind === 'CLASSIC');

  const workDir = mkdtempSync(join(tmpdir(), 'dli-gateway-bench-'));
  const children = new ChildProcesses(workDir);
  // "exit" is emitted however this process ends, except by SIGKILL: after success, an error or a signal.
  process.once('exit', () => {
    children.killAll();
    rmSync(workDir, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }

  const workplace = { children, workDir };
  const { pages, 'change-seconds': changeSeconds } = options.counts;
  const result = {
    ...describeRun(),
    options,
    creates: await measureCreates(variants, options, workplace, printProgress),
    pages: pages === 0 ? [] : await measurePages(gateways, options, workplace, printProgress),
    changes: changeSeconds === 0 ? [] : await measureChanges(gateways, options, workplace, printProgress),
  };
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, `${JSON.stringify({ ...result, goals: findGoals(result) }, null, 2)}\n`);
  printProgress(`results in ${options.json}`);
  process.stdout.write(formatReport(result));
}

try {
  await run();
  process.exit(0);
} catch (error) {
  process.stderr.write(`Benchmark failed. ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
