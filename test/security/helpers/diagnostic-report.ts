import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { onCleanup } from '../../helpers/clean-up.js';
import type { GatewayProcess } from '../../helpers/gateway-process.js';
import { QUICK_FOLDER } from '../../helpers/quick-folder.js';

const FILE_NAME = 'report.json';
const PAUSE_MS = 20;

/** A diagnostic report of Node. */
export interface DiagnosticReport {
  text: string;
  variables: Record<string, string>;
}

/** Node options that make a process write a report on SIGUSR2, and a function that triggers it. */
export function prepareReport(): { options: string; write(gateway: GatewayProcess): Promise<DiagnosticReport> } {
  const folder = mkdtempSync(join(QUICK_FOLDER, 'dli-gateway-report-'));
  onCleanup(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, FILE_NAME);
  return {
    options: `--report-on-signal --report-directory=${folder} --report-filename=${FILE_NAME}`,
    async write(gateway) {
      gateway.signal('SIGUSR2');
      for (;;) {
        const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
        // Node writes the report piece by piece.
        if (text.trimEnd().endsWith('\n}')) return { text, variables: JSON.parse(text).environmentVariables };
        await delay(PAUSE_MS);
      }
    },
  };
}
