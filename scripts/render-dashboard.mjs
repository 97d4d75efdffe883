/**
 * Draws deploy/grafana/dashboard.json with the data of a Prometheus server, for docs/dashboard.png. It is not Grafana:
 * it supports only the two kinds of panels that the dashboard has, and draws them plainly.
 *
 *   node scripts/render-dashboard.mjs http://127.0.0.1:9090 docs/dashboard.png 10
 *
 * The last argument is the number of minutes to show, up to now. CHROMIUM overrides /usr/bin/chromium.
 */
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [prometheus, target, minutes] = process.argv.slice(2);
if (!(Number(minutes) > 0)) throw new Error('Usage: render-dashboard.mjs PROMETHEUS_URL TARGET_PNG MINUTES');

const { panels } = JSON.parse(readFileSync(new URL('../deploy/grafana/dashboard.json', import.meta.url), 'utf8'));
const WIDTH = 1120;
const UNIT_HEIGHT = 20;
const POINTS = 72;
const COLORS = ['#73bf69', '#f2cc0c', '#5794f2', '#ff780a', '#f2495c', '#b877d9', '#37872d', '#8ab8ff', '#fade2a'];
const NAMED_COLORS = { green: '#37872d', yellow: '#c69b06', red: '#c4162a' };
const SCALES = {
  bytes: { base: 1024, units: [' B', ' KiB', ' MiB', ' GiB'] },
  short: { base: 1000, units: ['', ' K', ' Mil', ' Bil'] },
};

const end = Date.now() / 1000;
const start = end - Number(minutes) * 60;
const step = (end - start) / POINTS;

const escapeHtml = text => text.replace(/[&<>]/g, character => `&#${character.charCodeAt(0)};`);

function format(value, unit, decimals) {
  const round = (number, digits = 3) => String(Number(number.toPrecision(digits)));
  if (unit === 'percentunit')
    return `${decimals === undefined ? round(value * 100) : (value * 100).toFixed(decimals)} %`;
  if (unit === 's') {
    if (value === 0) return '0 s';
    return Math.abs(value) < 1
      ? `${round(value * 1000)} ms`
      : Math.abs(value) < 120
        ? `${round(value)} s`
        : `${round(value / 60)} min`;
  }
  if (unit === 'none') return round(value);
  const { base, units } = SCALES[unit] ?? SCALES.short;
  const power = value === 0 ? 0 : Math.max(0, Math.min(3, Math.floor(Math.log(Math.abs(value)) / Math.log(base))));
  const suffix = { reqps: ' req/s', ops: ' ops/s' }[unit] ?? '';
  return `${round(value / base ** power)}${units[power]}${suffix}`;
}

/** The series of a panel: a name, and a value or undefined for each point. */
async function seriesOf(panel) {
  const values = { __rate_interval: '15s', job: '.+', instance: '.*' };
  const results = await Promise.all(
    panel.targets.map(async ({ expr, legendFormat }) => {
      const query = expr.replace(/\$(\w+)/g, (_, name) => values[name]);
      const response = await fetch(`${prometheus}/api/v1/query_range`, {
        method: 'POST',
        body: new URLSearchParams({ query, start: String(start), end: String(end), step: String(step) }),
      });
      const { status, error, data } = await response.json();
      if (status !== 'success') throw new Error(`${panel.title}: ${error}`);
      return data.result.map(({ metric, values: points }) => {
        const byPoint = new Map(points.map(([time, value]) => [Math.round((time - start) / step), Number(value)]));
        return {
          name: legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? '').trim(),
          values: Array.from({ length: POINTS + 1 }, (_, point) => {
            const value = byPoint.get(point);
            return Number.isFinite(value) ? value : undefined;
          }),
        };
      });
    }),
  );
  return results.flat();
}

const colorFor = (value, { steps }) => steps.findLast(each => each.value === null || value >= each.value).color;

function drawStat(panel, [series]) {
  const { unit, decimals, thresholds, mappings = [], noValue } = panel.fieldConfig.defaults;
  const value = series?.values.findLast(each => each !== undefined);
  const text = value === undefined ? noValue : (mappings[0]?.options[value]?.text ?? format(value, unit, decimals));
  const color = value === undefined ? '#555' : NAMED_COLORS[colorFor(value, thresholds)];
  return `<div class="stat" style="background:${color}">${escapeHtml(text)}</div>`;
}

function drawChart(panel, series) {
  const { unit, max, custom, thresholds } = panel.fieldConfig.defaults;
  const width = (WIDTH / 24) * panel.gridPos.w - 26;
  const height = panel.gridPos.h * UNIT_HEIGHT - 64;
  const left = 62;
  const isStacked = custom.stacking !== undefined;
  const tops = Array.from({ length: POINTS + 1 }, () => 0);
  const lines = series.map(({ values }) =>
    values.map((value, point) => {
      if (!isStacked || value === undefined) return { from: 0, to: value };
      const from = tops[point];
      tops[point] += value;
      return { from, to: tops[point] };
    }),
  );
  const all = lines.flat().flatMap(({ to }) => (to === undefined ? [] : [to]));
  const low = Math.min(0, ...all);
  const high = Math.max(max ?? 0, ...all) * (max === undefined ? 1.1 : 1) || 1;
  const x = point => (left + ((width - left) * point) / POINTS).toFixed(1);
  const y = value => (height - ((value - low) / (high - low)) * height).toFixed(1);
  const grid = [low, (low + high) / 2, high].map(
    value =>
      `<line x1="${left}" x2="${width}" y1="${y(value)}" y2="${y(value)}" stroke="#2c3235"/>` +
      `<text x="${left - 5}" y="${Number(y(value)) + (value === high ? 9 : value === low ? -1 : 3)}" text-anchor="end">${format(value, unit)}</text>`,
  );
  const limits = (custom.thresholdsStyle ? thresholds.steps : [])
    .filter(({ value }) => value !== null && value > low && value < high)
    .map(
      ({ value, color }) =>
        `<line x1="${left}" x2="${width}" y1="${y(value)}" y2="${y(value)}" stroke="${NAMED_COLORS[color]}"/>`,
    );
  const paths = lines.map((line, index) => {
    const color = COLORS[index % COLORS.length];
    const pieces = line.map(({ to }, point) =>
      to === undefined ? '' : `${point === 0 || line[point - 1].to === undefined ? 'M' : 'L'}${x(point)},${y(to)}`,
    );
    const bars = line.map(({ from, to }, point) =>
      to === undefined || !isStacked || point === POINTS || line[point + 1].to === undefined
        ? ''
        : `M${x(point)},${y(from)}L${x(point)},${y(to)}L${x(point + 1)},${y(line[point + 1].to)}L${x(point + 1)},${y(line[point + 1].from)}Z`,
    );
    return `<path d="${bars.join('')}" fill="${color}" fill-opacity="0.35"/><path d="${pieces.join('')}" fill="none" stroke="${color}"/>`;
  });
  const legend = series.map(
    ({ name }, index) => `<span><i style="background:${COLORS[index % COLORS.length]}"></i>${escapeHtml(name)}</span>`,
  );
  const empty = series.length === 0 ? `<text x="${width / 2}" y="${height / 2}">Nothing</text>` : '';
  return `<svg shape-rendering="crispEdges" width="${width}" height="${height}">${grid.join('')}${paths.join('')}${limits.join('')}${empty}</svg><div class="legend">${legend.join('')}</div>`;
}

async function draw(panel) {
  const { x, y, w, h } = panel.gridPos;
  const place = `grid-area:${y + 1}/${x + 1}/span ${h}/span ${w}`;
  if (panel.type === 'row') return `<h2 style="${place}">${escapeHtml(panel.title)}</h2>`;
  // A series that is always zero would only fill the legend.
  const series = (await seriesOf(panel)).filter(({ values }) => panel.type === 'stat' || values.some(value => value));
  const content = panel.type === 'stat' ? drawStat(panel, series) : drawChart(panel, series);
  return `<section style="${place}"><h3>${escapeHtml(panel.title)}</h3>${content}</section>`;
}

const STYLE = `
  body { margin: 0; background: #111217; color: #ccccdc; font: 11px sans-serif; width: ${WIDTH}px }
  main { display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: ${UNIT_HEIGHT}px; padding: 4px }
  section { background: #181b1f; border: 1px solid #2c3235; margin: 2px; padding: 4px 8px; overflow: hidden }
  h2 { font-size: 13px; margin: 3px } h3 { font-size: 12px; font-weight: 500; margin: 0 0 6px }
  text { fill: #9fa7b3; font-size: 9px } .legend span { margin-right: 8px; white-space: nowrap; display: inline-block }
  .legend { height: 30px; overflow: hidden } i { display: inline-block; width: 9px; height: 3px; margin: 0 3px 2px 0 }
  .stat { display: grid; place-items: center; height: 46px; font-size: 22px; color: #fff }`;

const drawn = await Promise.all(panels.map(draw));
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu'],
});
try {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 600 } });
  await page.setContent(`<style>${STYLE}</style><main>${drawn.join('')}</main>`);
  await page.screenshot({ path: target, fullPage: true });
} finally {
  await browser.close();
}
