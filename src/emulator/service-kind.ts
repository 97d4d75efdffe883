/** A peer service type: its spelling in answers, how its addresses begin and its usual port. */
export interface ServiceKind {
  readonly canonical: string;
  readonly addressPrefix: string;
  readonly port: number;
}

const CLOUD_TABLE: ServiceKind = { canonical: 'CloudTable', addressPrefix: 'ct', port: 2181 };

const KINDS: ReadonlyMap<string, ServiceKind> = new Map([
  ['ct', CLOUD_TABLE],
  ['cloudtable', CLOUD_TABLE],
  // No printed sample shows the address of an OpenTSDB connection; these prefixes are guesses from the known five.
  ['cloudtable.opentsdb', { canonical: 'CloudTable.OPENTSDB', addressPrefix: 'ct', port: 4242 }],
  ['mrs.opentsdb', { canonical: 'MRS.OPENTSDB', addressPrefix: 'hbase', port: 4242 }],
  ['dws', { canonical: 'DWS', addressPrefix: 'dws', port: 8000 }],
  ['rds', { canonical: 'RDS', addressPrefix: 'rds', port: 3306 }],
  ['css', { canonical: 'CSS', addressPrefix: 'css', port: 9200 }],
]);

/** The service type of any documented spelling, in any case; undefined when no manual knows it. */
export function findServiceKind(service: string): ServiceKind | undefined {
  return KINDS.get(service.toLowerCase());
}
