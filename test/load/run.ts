/**
 * Entry point of the load tests: `npm run load -- SCENARIO [--seconds N]`. A missed goal is only printed; anything that
 * must never happen makes it exit with 1.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ChildProcesses } from '../bench/child-processes.js';
import { requireProc } from '../bench/process-metrics.js';
import { formatAttackReport } from './attack/report.js';
import { runAttack } from './attack/run-attack.js';
import type { Scenario } from './scenario.js';
import { formatReport } from './scenario.js';
import { overload, stall, steady } from './scenarios/rates.js';
import { soak } from './scenarios/soak.js';
import { drain, hangingUpstream, rollingRestart } from './scenarios/stops.js';
import { refusedUpstream, resets, slowUpstream } from './scenarios/upstream-faults.js';

const ATTACK_SECONDS = 1_200;
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  steady,
  overload,
  'slow-upstream': slowUpstream,
  'refused-upstream': refusedUpstream,
  resets,
  drain,
  'hanging-upstream': hangingUpstream,
  stall,
  soak,
  'rolling-restart': rollingRestart,
};
const USAGE = [
  'Usage: npm run load -- SCENARIO [--seconds N]',
  '       npm run load -- attack [--seconds N] [--only PATTERN]',
  '',
  ...Object.entries(SCENARIOS).map(([name, { what, seconds }]) => `  ${name.padEnd(17)} ${seconds} s: ${what}`),
].join('\n');

async function run(): Promise<number> {
  requireProc();
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string' },
      // Runs only the attacks whose names match this regular expression.
      only: { type: 'string', default: '' },
    },
  });
  const [name = '', ...others] = positionals;
  const scenario = SCENARIOS[name];
  const seconds = Number(values.seconds ?? scenario?.seconds ?? ATTACK_SECONDS);
  const isKnown = scenario !== undefined || name === 'attack';
  if (!isKnown || others.length > 0 || !(Number.isInteger(seconds) && seconds > 0)) throw new Error(USAGE);

  const workDir = mkdtempSync(join(tmpdir(), 'dli-gateway-load-'));
  const children = new ChildProcesses(workDir);
  process.once('exit', () => {
    children.killAll();
    rmSync(workDir, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(128 + constants.signals[signal]));

  const onProgress = (text: string) => process.stdout.write(`${text}\n`);
  if (scenario !== undefined) {
    const result = await scenario.run({ children, workDir, seconds, onProgress });
    process.stdout.write(`\n${formatReport(name, seconds, result)}`);
    return result.wrong.length === 0 ? 0 : 1;
  }
  const result = await runAttack({ seconds, only: values.only }, children, workDir, onProgress);
  process.stdout.write(`\n${formatAttackReport(result, seconds)}`);
  return result.wrong.length === 0 ? 0 : 1;
}

try {
  process.exit(await run());
} catch (error) {
  process.stderr.write(`The load test failed. ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
