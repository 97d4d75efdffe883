import type { CounterLabels, CounterName, HistogramLabels, HistogramName, Reading, ReadingName } from './catalog.js';

/**
 * The metrics of one gateway. Their names and labels are in `catalog.ts`.
 *
 * Events are recorded where they happen. State, such as the length of a queue, is read from its component when the
 * metrics are collected, so that it costs nothing in between.
 */
export interface Metrics {
  /** Adds one to a counter. */
  count<N extends CounterName>(name: N, labels: CounterLabels<N>): void;
  /** Records a value, in the unit of the name. */
  observe<N extends HistogramName>(name: N, labels: HistogramLabels<N>, value: number): void;
  /** The same store, with the durations of these operations recorded. */
  timed<S extends object>(store: S, operations: readonly (keyof S & string)[]): S;
  /**
   * Registers the source of a metric that is read. A metric may have several, each for other values of its label.
   *
   * @param read must take a bounded time; if it throws, which is a bug, the metric has no value
   */
  read<N extends ReadingName>(name: N, read: () => Reading<N> | Promise<Reading<N>>): void;
  /** What `/metrics` serves; undefined when there are no metrics. */
  readonly exposition: Exposition | undefined;
}

/** The metrics in the text format of Prometheus. */
export interface Exposition {
  readonly contentType: string;
  /** Resolves with the current values. */
  text(): Promise<string>;
}

/** Records nothing (`METRICS=false`). */
export const NO_METRICS: Metrics = {
  count: () => undefined,
  observe: () => undefined,
  timed: store => store,
  read: () => undefined,
  exposition: undefined,
};
