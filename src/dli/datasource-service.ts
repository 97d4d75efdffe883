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
