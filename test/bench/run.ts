/**
 * Entry point of the benchmark: what a create costs in the gateway, in the usual way to write it (baseline) and
 * at the least (floor), in one run against one upstream. A missed goal is printed; a wrong answer exits with 1.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildProcesses } from './child-processes.js';
import { measureAll } from './measure.js';
import { readOptions } from './options.js';
import { requireProc } from './process-metrics.js';
import { formatReport } from './report.js';
import { requireBuilt } from './variants.js';

async function run(): Promise<void> {
  requireProc();
  const options = readOptions(process.argv.slice(2), process.env);
  options.variants.forEach(requireBuilt);

  const workDir = mkdtempSync(join(tmpdir(), 'dli-gateway-bench-'));
  const children = new ChildProcesses(workDir);
  // "exit" comes however this process ends, short of SIGKILL: after success, after an error, after a signal.
  process.once('exit', () => {
    children.killAll();
    rmSync(workDir, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
  process.stdout.write(formatReport(await measureAll(options, children, workDir), options));
}

try {
  await run();
  process.exit(0);
} catch (error) {
  process.stderr.write(`Benchmark failed. ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
