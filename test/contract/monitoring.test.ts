import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { COUNTERS, HISTOGRAMS, READINGS } from '../../src/metrics/catalog.js';
import { onCleanup } from '../helpers/clean-up.js';
import { readDocument } from '../helpers/documents.js';
import { closeGateways, startGateway } from '../helpers/gateway.js';
import { expressionsOf, groupsIn, metricsIn, readPanels, readRules } from '../helpers/monitoring.js';
import { describeWithProgram } from '../helpers/required-program.js';

const PANELS = readPanels();
const RULES = readRules();
const ALERTS = RULES.filter(({ kind }) => kind === 'alert');
const EXPRESSIONS = [...PANELS.flatMap(expressionsOf), ...RULES.map(({ expression }) => expression)];

/** What Prometheus adds to every series. */
const TARGET_LABELS = ['job', 'instance'];

const baseOf = (name: string) => name.replace(/_(?:bucket|sum|count)$/, '');

/** The labels of a metric of the gateway, each with its values unless they are open; those of Node have none. */
function labelsOf(name: string): Record<string, readonly string[] | undefined> {
  if (name === 'dli_gateway_build_info') return { version: undefined, commit: undefined, node: undefined };
  const { label } = { label: undefined, ...READINGS[name as keyof typeof READINGS] };
  if (label !== undefined) return { [label.name]: label.values };
  const { labels = {} } = { ...COUNTERS, ...HISTOGRAMS }[baseOf(name) as keyof typeof COUNTERS] ?? {};
  const entries = Object.entries<unknown>(labels).map(([key, values]) => [
    key,
    Array.isArray(values) ? values : undefined,
  ]);
  return { ...Object.fromEntries(entries), ...(name.endsWith('_bucket') && { le: undefined }) };
}

/** The values that a matcher names: none unless it is an equality, or a list of plain words. */
function valuesOf({ operator, value }: { operator: string; value: string }): string[] {
  if (operator === '=') return [value];
  return operator === '=~' && /^[\w|]+$/.test(value) ? value.split('|') : [];
}

afterEach(closeGateways);

describe('the dashboard and the alerts', () => {
  it('use metrics that the gateway exposes', async () => {
    const { adminUrl } = await startGateway();
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    const exposed = [...text.matchAll(/^# HELP (\w+)/gm)].map(([, name]) => name);
    const known = new Set([...exposed, ...RULES.map(({ name }) => name), 'up']);

    const used = new Set(EXPRESSIONS.flatMap(metricsIn).map(({ name }) => baseOf(name)));
    expect([...used].filter(name => !known.has(name))).toEqual([]);
    expect(used.size).toBeGreaterThan(40);
  });

  it('use every metric of the gateway, so that none is collected for nothing', () => {
    const used = new Set(EXPRESSIONS.flatMap(metricsIn).map(({ name }) => baseOf(name)));
    const names = Object.keys({ ...COUNTERS, ...HISTOGRAMS, ...READINGS });
    expect(names.filter(name => !used.has(name))).toEqual([]);
  });

  it('select and group by labels that the metrics have, and by values that occur', () => {
    const wrong = EXPRESSIONS.flatMap(expression => {
      const metrics = metricsIn(expression);
      const unknown = metrics.flatMap(({ name, matchers }) => {
        const labels = labelsOf(name);
        return matchers
          .filter(({ label }) => !TARGET_LABELS.includes(label))
          .filter(matcher => {
            if (!(matcher.label in labels)) return true;
            const values = labels[matcher.label];
            return values !== undefined && valuesOf(matcher).some(value => !values.includes(value));
          })
          .map(({ label, value }) => `${name}{${label}="${value}"}`);
      });
      const groups = new Set([...TARGET_LABELS, ...metrics.flatMap(({ name }) => Object.keys(labelsOf(name)))]);
      return [...unknown, ...groupsIn(expression).filter(label => !groups.has(label))];
    });
    expect(wrong).toEqual([]);
  });

  it('count as failures only the payloads caused by the gateway or its dependencies', () => {
    const types = [...readDocument('schema.graphql').matchAll(/^type (\w+)/gm)].map(([, name = '']) => name);
    const [failures] = EXPRESSIONS.flatMap(metricsIn)
      .flatMap(({ matchers }) => matchers)
      .filter(({ label, operator, value }) => label === 'outcome' && operator === '=~' && value !== '');
    const pattern = new RegExp(`^(?:${failures?.value})$`);
    expect(types.filter(type => pattern.test(type)).toSorted()).toEqual([
      'ChangeOutcomeUnknownError',
      'DeleteOutcomeUnknownError',
      'DliUnavailableError',
      'OutcomeUnknownError',
    ]);
  });
});

describe('the dashboard', () => {
  it('has panels with unique ids and titles, with descriptions and units', () => {
    expect(new Set(PANELS.map(({ id }) => id)).size).toBe(PANELS.length);
    expect(new Set(PANELS.map(({ title }) => title)).size).toBe(PANELS.length);
    const charts = PANELS.filter(({ type }) => type !== 'row');
    const incomplete = charts.filter(
      ({ title, description, fieldConfig, targets }) =>
        !title || !description || !fieldConfig?.defaults.unit || !targets?.length,
    );
    expect(incomplete).toEqual([]);
  });

  it('has a row for each part', () => {
    expect(PANELS.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual([
      'Traffic and errors',
      'Creates and outcomes',
      'Upstream',
      'Records',
      'Reads',
      'Callers',
      'Process',
    ]);
  });

  it('has panels that neither overlap nor leave the grid', () => {
    const taken = new Map<string, string>();
    const overlaps: string[] = [];
    for (const { title, gridPos } of PANELS) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          const other = taken.get(`${x} ${y}`);
          if (other !== undefined) overlaps.push(`${title} and ${other}`);
          taken.set(`${x} ${y}`, title);
        }
    }
    expect(overlaps).toEqual([]);
  });

  it('takes its data source from a variable', () => {
    const sources = readDocument('deploy/grafana/dashboard.json').match(/"uid": "(?!dli-gateway")[^"]*"/g);
    expect(new Set(sources)).toEqual(new Set([`"uid": "\${datasource}"`]));
  });
});

describe('the alerts', () => {
  it('each have a severity and a section in docs/operation.md, and every section has an alert', () => {
    const document = readDocument('docs/operation.md');
    const [, alerts = ''] = /^## Alerts\n(.*?)^## /ms.exec(document) ?? [];
    const sections = [...alerts.matchAll(/^### (.*)$/gm)].map(([, name]) => name);

    expect(sections.toSorted()).toEqual(ALERTS.map(({ name }) => name).toSorted());
    expect(ALERTS.filter(({ name, runbook }) => runbook !== `docs/operation.md#${name.toLowerCase()}`)).toEqual([]);
    expect(ALERTS.filter(({ severity }) => severity !== 'page' && severity !== 'ticket')).toEqual([]);
  });

  it('have the severity that docs/operation.md states', () => {
    const document = readDocument('docs/operation.md');
    const said = ALERTS.map(({ name }) => new RegExp(`^### ${name}\n\n\\*\\*(\\w+)`, 'm').exec(document)?.[1]);
    expect(said.map(word => word?.toLowerCase())).toEqual(ALERTS.map(({ severity }) => severity));
  });
});

describeWithProgram('promtool', 'according to promtool,', promtool => {
  // With several threads its garbage collector takes a fifth more CPU. cspell:ignore GOMAXPROCS
  const run = (...options: string[]) =>
    promisify(execFile)(promtool, options, { env: { ...process.env, GOMAXPROCS: '1' } });
  const deploy = (name: string) => fileURLToPath(new URL(`../../deploy/prometheus/${name}`, import.meta.url));

  it('the example configuration and the alerts are valid', async () => {
    const { stdout } = await run('check', 'config', deploy('prometheus.yml'));
    expect(stdout).toContain(`SUCCESS: ${RULES.length} rules found`);
  });

  it('each alert fires when it should, and does not when it should not', async () => {
    const { stdout } = await run('test', 'rules', deploy('alerts.test.yml'));
    expect(stdout).toContain('SUCCESS');
    const tested = readDocument('deploy/prometheus/alerts.test.yml').split(/^ {2}- name: /m);
    const untested = ALERTS.flatMap(({ name }) => {
      const own = tested.filter(text => text.includes(`alertname: ${name}\n`));
      const quiet = own.filter(text => text.includes('exp_alerts: []'));
      return quiet.length > 0 && own.length > quiet.length ? [] : [name];
    });
    expect(untested).toEqual([]);
  });

  it('every expression of the dashboard is valid', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
    onCleanup(() => rmSync(folder, { recursive: true, force: true }));
    const rules = PANELS.flatMap(expressionsOf).map((expr, index) => ({ record: `panel:${index}`, expr }));
    // JSON is YAML.
    writeFileSync(join(folder, 'rules.yml'), JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    const { stdout } = await run('check', 'rules', join(folder, 'rules.yml'));
    expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
  });
});
