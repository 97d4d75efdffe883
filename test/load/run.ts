/**
 * Entry point of the load tests: `npm run load -- attack [--seconds 1200] [--only PATTERN]`. A missed goal is printed;
 * anything that must never happen exits with 1.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ChildProcesses } from '../bench/child-processes.js';
import { requireProc } from '../bench/process-metrics.js';
import { formatAttackReport } from './attack/report.js';
import { runAttack } from './attack/run-attack.js';

const USAGE = 'Usage: npm run load -- attack [--seconds 1200] [--only PATTERN]';

async function run(): Promise<number> {
  requireProc();
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '1200' },
      // Only the attacks whose names match this regular expression.
      only: { type: 'string', default: '' },
    },
  });
  if (positionals.join() !== 'attack' || !/^[1-9]\d{0,5}$/.test(values.seconds)) throw new Error(USAGE);
  const seconds = Number(values.seconds);

  const workDir = mkdtempSync(join(tmpdir(), 'dli-gateway-load-'));
  const children = new ChildProcesses(workDir);
  process.once('exit', () => {
    children.killAll();
    rmSync(workDir, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(128 + constants.signals[signal]));

  const result = await runAttack({ seconds, only: values.only }, children, workDir, text =>
    process.stdout.write(`${text}\n`),
  );
  process.stdout.write(`\n${formatAttackReport(result, seconds)}`);
  return result.wrong.length === 0 ? 0 : 1;
}

try {
  process.exit(await run());
} catch (error) {
  process.stderr.write(`The load test failed. ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
