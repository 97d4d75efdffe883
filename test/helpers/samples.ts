/** The metrics of a gateway, read once. */
export interface Samples {
  contentType: string | null;
  text: string;
  /** The names of all metrics, whether they have a value or not. */
  names: string[];
  /** The series, as `name{labels}` in the order of the text. */
  series: string[];
  /** The value of a series; undefined if there is no such series. */
  value(series: string): number | undefined;
}

/** Reads `/metrics` of a gateway. */
export async function readSamples(adminUrl: string): Promise<Samples> {
  const response = await fetch(new URL('/metrics', adminUrl));
  const text = await response.text();
  const lines = text.split('\n').filter(line => line !== '');
  const values = new Map(
    lines
      .filter(line => !line.startsWith('#'))
      .map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))] as const),
  );
  return {
    contentType: response.headers.get('content-type'),
    text,
    names: lines.flatMap(line => /^# TYPE (\S+)/.exec(line)?.[1] ?? []),
    series: [...values.keys()],
    value: series => values.get(series),
  };
}
