import { clientHints, createEmulator } from './emulator.js';
import type { EmulatorConfiguration } from './options.js';
import { readEnvironment, resolveOptions } from './options.js';

/** `EX_CONFIG` of sysexits.h: the configuration is invalid. */
const EXIT_CONFIGURATION = 78;

const { configuration, problems } = readEnvironment(process.env);
if (configuration === undefined) {
  process.stderr.write(problems.map(({ key, rule }) => `${key} ${rule}\n`).join(''));
  process.exitCode = EXIT_CONFIGURATION;
} else {
  await run(configuration);
}

async function run({ host, port, options }: EmulatorConfiguration): Promise<void> {
  const emulator = createEmulator(options);
  let baseUrl: string;
  try {
    baseUrl = await emulator.listen(port, host);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    process.stderr.write(`Cannot listen on ${host}, port ${port}: ${reason}\n`);
    process.exitCode = 1;
    return;
  }
  process.stdout.write(`DLI and IAM emulator on ${baseUrl}. Point a client at it with\n\n`);
  process.stdout.write(`${clientHints(baseUrl, resolveOptions(options))}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void emulator.close());
}
