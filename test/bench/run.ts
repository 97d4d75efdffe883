/**
 * Entry point of the benchmark: the cost of a create in the gateway, in a conventional implementation (baseline) and
 * in a bare minimum (floor), in one run against one upstream. A missed goal is printed; a wrong answer exits with 1.
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
  // "exit" is emitted at every end of this process but SIGKILL: after success, an error or a signal.
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
