import { createEmulator } from './emulator.js';
import type { EmulatorConfiguration, EmulatorOptions } from './options.js';
import { DEFAULT_SECRET_KEY, readEnvironment, resolveOptions } from './options.js';

/** `EX_CONFIG` of sysexits.h: something is wrong with the configuration. */
const EXIT_CONFIGURATION = 78;

const { configuration, problems } = readEnvironment(process.env);
if (configuration === undefined) {
  process.stderr.write(problems.map(problem => `${problem}\n`).join(''));
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

/** The environment variables that point a client at an emulator, one per line, ready to be pasted into a shell. */
function clientHints(
  baseUrl: string,
  options: Pick<EmulatorOptions, 'projects' | 'accessKeys'>,
): string {
  const [project] = options.projects;
  const [key] = options.accessKeys;
  const lines = [
    `DLI_ENDPOINT=${baseUrl}`,
    `HUAWEICLOUD_SDK_IAM_ENDPOINT=${baseUrl}`,
    `HUAWEICLOUD_SDK_AK=${key?.accessKey ?? ''}`,
    // Only the published, worthless default may be shown.
    `HUAWEICLOUD_SDK_SK=${key?.secretKey === DEFAULT_SECRET_KEY ? DEFAULT_SECRET_KEY : '<value of EMULATOR_SK>'}`,
    ...(key?.securityToken === undefined
      ? []
      : ['HUAWEICLOUD_SDK_SECURITY_TOKEN=<value of EMULATOR_SECURITY_TOKEN>']),
    `HUAWEICLOUD_SDK_PROJECT_ID=${project?.id ?? ''}`,
    `DLI_REGION=${project?.name ?? ''}`,
    'CALLER_AUTH=none',
  ];
  return lines.map(line => `  export ${line}\n`).join('');
}
