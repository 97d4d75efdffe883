import { fileURLToPath } from 'node:url';
import type { ChildProcesses } from './child-processes.js';
import { blameChild, findFreePort } from './child-processes.js';
import { waitForUpstream } from './driver.js';
import type { BenchOptions } from './options.js';
import type { Measurement } from './report.js';
import type { Round } from './variant-process.js';
import { VariantProcess } from './variant-process.js';

/**
 * Measures every wanted variant; starts and rounds are interleaved, so that noise on the machine hits all alike.
 * The processes keep running; the owner of `children` kills them.
 *
 * @throws {Error} that names the variant, at the first wrong answer.
 */
export async function measureAll(
  options: BenchOptions,
  children: ChildProcesses,
  workDir: string,
): Promise<Measurement[]> {
  const upstream = await startUpstream(children);

  const started: VariantProcess[] = [];
  let processes: VariantProcess[] = [];
  for (let start = 0; start < options.starts; start += 1) {
    await Promise.all(processes.map(process => process.kill()));
    processes = [];
    for (const variant of options.variants) {
      processes.push(await VariantProcess.start(variant, children, upstream, workDir));
    }
    started.push(...processes);
  }

  const { creates, warmup, concurrency } = options;
  for (const process of processes) await process.run({ creates: warmup, concurrency });

  const rounds: Round[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    for (const process of processes) rounds.push(await process.run({ creates, concurrency }));
  }

  return processes.map(process => {
    const own = rounds.filter(({ variant }) => variant === process.variant);
    return {
      variant: process.variant,
      cpuMs: own.map(({ cpuMs }) => cpuMs),
      latenciesMs: own.flatMap(({ latenciesMs }) => latenciesMs),
      firstAnswersS: started
        .filter(({ variant }) => variant === process.variant)
        .map(({ firstAnswerS }) => firstAnswerS),
      peakRssMb: process.peakRssMb(),
    };
  });
}

async function startUpstream(children: ChildProcesses): Promise<string> {
  const port = await findFreePort();
  const upstream = `http://127.0.0.1:${port}`;
  const script = fileURLToPath(new URL('./upstream.js', import.meta.url));
  const child = children.start(script, { PORT: String(port) });
  await blameChild('upstream', child, () => waitForUpstream(child, upstream));
  return upstream;
}
