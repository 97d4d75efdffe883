import { readFileSync } from 'node:fs';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type {
  CounterLabels,
  CounterName,
  HistogramLabels,
  HistogramMetric,
  HistogramName,
  Reading,
  ReadingName,
  RecordedMetric,
} from './catalog.js';
import { COUNTERS, HISTOGRAMS, OTHER, READINGS } from './catalog.js';
import type { Exposition, Metrics } from './metrics.js';

type Labels = Readonly<Record<string, string>>;
type Reader = () => unknown;

/** The metrics of the process and of Node, which all gateways of a process share. */
let processRegistry: Registry | undefined;

/** {@link Metrics} that are kept by prom-client, in a registry of their own. */
export class PrometheusMetrics implements Metrics, Exposition {
  readonly #registry = new Registry();
  readonly #counters: Readonly<Record<CounterName, Recorder<Counter>>>;
  readonly #histograms: Readonly<Record<HistogramName, Recorder<Histogram>>>;
  readonly #readers = new Map<ReadingName, Reader[]>();

  /**
   * @param commit the commit from which the gateway was built, for `dli_gateway_build_info`
   * @param onBug called when the source of a metric throws
   */
  constructor(
    commit: string,
    private readonly onBug: (metric: ReadingName, error: unknown) => void,
  ) {
    const registers = [this.#registry];
    this.#counters = mapEntries<CounterName, RecordedMetric, Recorder<Counter>>(COUNTERS, (name, definition) => {
      const { help, labels, reserved = [] } = definition;
      const counter = new Counter({ name, help, labelNames: Object.keys(labels), registers });
      // A series that appears with its first event hides that event from rate().
      const [[label, values] = ['', ''], ...others] = Object.entries(labels);
      if (typeof values === 'object' && others.length === 0)
        for (const value of values) counter.inc({ [label]: value }, 0);
      for (const set of reserved) counter.inc(set, 0);
      return new Recorder(counter, definition);
    });
    this.#histograms = mapEntries<HistogramName, HistogramMetric, Recorder<Histogram>>(
      HISTOGRAMS,
      (name, definition) => {
        const { help, labels, buckets, reserved = [] } = definition;
        const histogram = new Histogram({
          name,
          help,
          labelNames: Object.keys(labels),
          buckets: [...buckets],
          registers,
        });
        for (const set of reserved) histogram.zero(set);
        return new Recorder(histogram, definition);
      },
    );
    for (const name of Object.keys(READINGS) as ReadingName[]) this.#createReading(name);
    openProcessRegistry();
    const version = readVersion();
    new Gauge({
      name: 'dli_gateway_build_info',
      help: 'What is running; always 1.',
      labelNames: ['version', 'commit', 'node'],
      registers,
      async collect() {
        this.set({ version, commit, node: await readNodeVersion() }, 1);
      },
    });
  }

  count<N extends CounterName>(name: N, labels: CounterLabels<N>): void {
    const recorder = this.#counters[name];
    recorder.metric.inc(recorder.limit(labels), 1);
  }

  observe<N extends HistogramName>(name: N, labels: HistogramLabels<N>, value: number): void {
    const recorder = this.#histograms[name];
    recorder.metric.observe(recorder.limit(labels), value);
  }

  timed<S extends object>(store: S, operations: readonly (keyof S & string)[]): S {
    const timed = new Map(operations.map(operation => [operation as PropertyKey, this.#time(store, operation)]));
    const get = (_store: S, key: PropertyKey) => {
      const method = timed.get(key);
      if (method !== undefined) return method;
      const value: unknown = Reflect.get(store, key);
      // Methods that use private fields need the object itself as `this`.
      return typeof value === 'function' ? value.bind(store) : value;
    };
    return new Proxy(store, { get });
  }

  #time(store: object, operation: string): (...args: unknown[]) => Promise<unknown> {
    const run = Reflect.get(store, operation) as (...args: unknown[]) => Promise<unknown>;
    return async (...args) => {
      const startMs = performance.now();
      let result: 'ok' | 'error' = 'error';
      try {
        const value = await run.apply(store, args);
        result = 'ok';
        return value;
      } finally {
        const seconds = (performance.now() - startMs) / 1_000;
        this.observe('dli_gateway_store_operation_seconds', { operation, result }, seconds);
      }
    };
  }

  read<N extends ReadingName>(name: N, read: () => Reading<N> | Promise<Reading<N>>): void {
    this.#readers.set(name, [...(this.#readers.get(name) ?? []), read]);
  }

  get exposition(): Exposition {
    return this;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    return `${await openProcessRegistry().metrics()}\n${await this.#registry.metrics()}`;
  }

  #createReading(name: ReadingName): void {
    const { type, help, ...rest } = READINGS[name];
    const label = 'label' in rest ? rest.label.name : undefined;
    const options = { name, help, labelNames: label === undefined ? [] : [label], registers: [this.#registry] };
    const collect = async (metric: Counter | Gauge) => {
      const readings = await Promise.all((this.#readers.get(name) ?? []).map(read => this.#valuesOf(name, read)));
      // Counters, too: the component keeps the count.
      metric.reset();
      if (label === undefined) metric.remove();
      for (const [value, amount] of readings.flat()) metric.inc(label === undefined ? {} : { [label]: value }, amount);
    };
    const Type = type === 'counter' ? Counter : Gauge;
    const created: Counter | Gauge = new Type({ ...options, collect: () => collect(created) });
  }

  /** What a reader returns, as values by label value; nothing when it fails, so that the other metrics are served. */
  async #valuesOf(name: ReadingName, read: Reader): Promise<[string, number][]> {
    try {
      const reading = await read();
      const values =
        typeof reading === 'object' ? Object.entries({ ...reading }) : [['', reading] as [string, unknown]];
      return values.filter((entry): entry is [string, number] => Number.isFinite(entry[1]));
    } catch (error) {
      this.onBug(name, error);
      return [];
    }
  }
}

/** A metric with a bounded number of label sets, like the cardinality limit of OpenTelemetry's SDKs. */
class Recorder<M> {
  readonly #lists: readonly (readonly [label: string, values: ReadonlySet<string> | undefined])[];
  readonly #overflow: Labels;
  readonly #known = new Map<string, Labels>();
  readonly #max: number;

  constructor(
    readonly metric: M,
    { labels, maxLabelSets = Number.POSITIVE_INFINITY, reserved = [] }: RecordedMetric,
  ) {
    const lists = Object.entries(labels);
    this.#lists = lists.map(([label, values]) => [label, typeof values === 'object' ? new Set(values) : undefined]);
    this.#overflow = Object.fromEntries(lists.map(([label]) => [label, OTHER]));
    this.#max = maxLabelSets - 1;
    for (const set of reserved) this.limit(set);
  }

  /** The labels with each value that is not in its list replaced; all replaced if there are too many label sets. */
  limit(labels: object): Labels {
    const given = labels as Labels;
    let key = '';
    for (const [label, values] of this.#lists) key += `${closedValue(given[label] ?? OTHER, values)}\n`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= this.#max) return this.#overflow;
    const values = key.split('\n');
    const limited = Object.fromEntries(this.#lists.map(([label], index) => [label, values[index] ?? OTHER]));
    this.#known.set(key, limited);
    return limited;
  }
}

/** The value if it is in the list, the class of a status if that is, else OTHER. */
function closedValue(value: string, list: ReadonlySet<string> | undefined): string {
  if (list === undefined || list.has(value)) return value;
  const statusClass = `${value.charAt(0)}xx`;
  return list.has(statusClass) ? statusClass : OTHER;
}

/** Starts the measurements of Node at first use. */
function openProcessRegistry(): Registry {
  if (processRegistry !== undefined) return processRegistry;
  processRegistry = new Registry();
  collectDefaultMetrics({ register: processRegistry });
  return processRegistry;
}

async function readNodeVersion(): Promise<string> {
  const info = await openProcessRegistry().getSingleMetric('nodejs_version_info')?.get();
  return String(info?.values[0]?.labels['version'] ?? 'unknown');
}

// The modules that are loaded on demand have the same depth in dist, bundled or not.
function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return version;
}

function mapEntries<K extends string, D, T>(definitions: Readonly<Record<K, D>>, map: (name: K, definition: D) => T) {
  const entries = Object.entries(definitions) as [K, D][];
  return Object.fromEntries(entries.map(([name, definition]) => [name, map(name, definition)])) as Record<K, T>;
}
