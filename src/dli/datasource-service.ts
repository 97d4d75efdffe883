/** The kinds of service that a classic connection reaches, by the gateway's names. */
export const DatasourceService = {
  CLOUD_TABLE: 'CLOUD_TABLE',
  CLOUD_TABLE_OPENTSDB: 'CLOUD_TABLE_OPENTSDB',
  MRS_OPENTSDB: 'MRS_OPENTSDB',
  DWS: 'DWS',
  RDS: 'RDS',
  CSS: 'CSS',
} as const;

/** One of {@link DatasourceService}. */
export type DatasourceService = (typeof DatasourceService)[keyof typeof DatasourceService];

/** The spelling of each service that every generation of DLI accepts; DLI ignores case. */
export const WIRE_NAME_OF_SERVICE: Readonly<Record<DatasourceService, string>> = {
  CLOUD_TABLE: 'cloudtable',
  CLOUD_TABLE_OPENTSDB: 'cloudtable.opentsdb',
  MRS_OPENTSDB: 'mrs.opentsdb',
  DWS: 'dws',
  RDS: 'rds',
  CSS: 'css',
};

const SERVICE_OF_WIRE_NAME: ReadonlyMap<string, DatasourceService> = new Map([
  ...Object.values(DatasourceService).map(service => [WIRE_NAME_OF_SERVICE[service], service] as const),
  ['ct', DatasourceService.CLOUD_TABLE],
]);

/** The service that a spelling of DLI's means; undefined when it is not known. */
export function serviceOfWireName(wireName: string): DatasourceService | undefined {
  return SERVICE_OF_WIRE_NAME.get(wireName.toLowerCase());
}
