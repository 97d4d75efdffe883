import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { onCleanup } from '../helpers/clean-up.js';
import { readDocument } from '../helpers/documents.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { closedPort } from '../helpers/listening-server.js';
import { expressionsOf, readPanels, readRules } from '../helpers/monitoring.js';
import { describeWithProgram } from '../helpers/required-program.js';

afterEach(closeGateways);

/** Starts a Prometheus with the configuration of `deploy/`, which scrapes this gateway only, and often. */
async function startPrometheus(program: string, adminUrl: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const configuration = readDocument('deploy/prometheus/prometheus.yml')
    .replaceAll('15s', '1s')
    .replace('gateway-1:4001', new URL(adminUrl).host)
    .replace(/^ *- gateway-2:4001\n/m, '');
  writeFileSync(join(folder, 'prometheus.yml'), configuration);
  writeFileSync(join(folder, 'alerts.yml'), readDocument('deploy/prometheus/alerts.yml'));
  const address = `127.0.0.1:${await closedPort()}`;
  const child = spawn(
    program,
    [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=${address}`],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const exited = once(child, 'exit');
  onCleanup(async () => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  });
  // Read to the end: a Prometheus whose standard error is closed dies.
  const lines = createInterface({ input: child.stderr });
  const ready = new Promise<void>((resolve, reject) => {
    lines.on('line', line => line.includes('Server is ready to receive web requests') && resolve());
    lines.on('close', () => reject(new Error('Prometheus ended before it was ready.')));
  });
  await ready;
  return `http://${address}/api/v1`;
}

describeWithProgram('prometheus', 'Prometheus', program => {
  it('reads the metrics of a gateway, and evaluates every rule and every panel', async () => {
    const gateway = await startGateway();
    await gateway.create();
    const api = await startPrometheus(program, gateway.adminUrl);

    async function query(
      expression: string,
    ): Promise<{ status: string; data: { result: { value: [number, string] }[] } }> {
      const response = await fetch(`${api}/query`, {
        method: 'POST',
        body: new URLSearchParams({ query: expression }),
      });
      return await response.json();
    }

    // True after the first scrape; without one, Jest's timeout ends the loop.
    while ((await query('dli_gateway_ready{reason="ready"} == 1')).data.result.length === 0) await delay(200);
    const failed: string[] = [];
    for (const expression of readPanels().flatMap(expressionsOf))
      if ((await query(expression)).status !== 'success') failed.push(expression);
    expect(failed).toEqual([]);

    const { data } = await (await fetch(`${api}/rules`)).json();
    const rules = data.groups.flatMap(
      ({ rules }: { rules: { name: string; state?: string; health: string }[] }) => rules,
    );
    expect(rules.map(({ name }: { name: string }) => name)).toEqual(readRules().map(({ name }) => name));
    expect(rules.filter(({ health }: { health: string }) => health === 'err')).toEqual([]);
    const firing = await query('ALERTS{alertstate="firing"}');
    expect(firing.data.result).toEqual([]);
  });
});
