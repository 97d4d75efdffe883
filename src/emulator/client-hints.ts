import type { EmulatorOptions } from './options.js';
import { DEFAULT_SECRET_KEY } from './options.js';

/** The environment variables that point a client at an emulator, one per line, ready to be pasted into a shell. */
export function clientHints(
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
