import { parseArgs } from 'node:util';
import { clientHints, createEmulator } from './emulator.js';
import type { EmulatorConfiguration } from './options.js';
import { readEnvironment, resolveOptions } from './options.js';

/** `EX_USAGE` of sysexits.h: the command line is wrong. */
const EXIT_USAGE = 64;
/** `EX_CONFIG` of sysexits.h: the configuration is invalid. */
const EXIT_CONFIGURATION = 78;

const HELP = `Usage: node dist/emulator/main.js [--help]

Emulates DLI and IAM on http://127.0.0.1:4010. The variables EMULATOR_*, which docs/emulator.md describes, configure it.

Exit codes:
   0  stopped on request
   1  it cannot listen on its address
  64  the command line is wrong
  78  the configuration is invalid
`;

const help = wantsHelp(process.argv.slice(2));
if (help === undefined) {
  process.stderr.write('Wrong command line: the only flag is --help.\n');
  process.exitCode = EXIT_USAGE;
} else if (help) {
  process.stdout.write(HELP);
} else {
  await start();
}

/** Whether the command line asks for help; undefined when it is wrong. */
function wantsHelp(args: string[]): boolean | undefined {
  try {
    const { values } = parseArgs({ args, options: { help: { type: 'boolean' } }, strict: true });
    return values.help === true;
  } catch {
    return undefined;
  }
}

async function start(): Promise<void> {
  const { configuration, problems } = readEnvironment(process.env);
  if (configuration !== undefined) return run(configuration);
  process.stderr.write(problems.map(({ key, rule }) => `${key} ${rule}\n`).join(''));
  process.exitCode = EXIT_CONFIGURATION;
}

async function run({ host, port, options }: EmulatorConfiguration): Promise<void> {
  const emulator = createEmulator({ ...options, printError: text => process.stderr.write(text) });
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
