/** A label that Huawei Cloud keeps beside a connection. */
export interface ConnectionTag {
  key: string;
  value: string;
}

/** A connection to be created. */
export interface ConnectionRequest {
  name: string;
  service: DatasourceService;
  securityGroupId: string;
  /** The subnet's network id, not the id of the VPC. */
  networkId: string;
  /** The address of the service: `host:port`, several joined by commas for CloudTable. */
  url: string;
  /** Serverless cluster; DLI dropped it in 2019 and gets it only when it is given. */
  clusterName?: string;
  tags?: readonly ConnectionTag[];
}

/** What DLI says of a connection it has just accepted. */
export interface CreatedConnection {
  id: string;
  /** DLI's hint, when it gave one that is fit to show. */
  message: string | null;
}

/**
 * How DLI answered a delete.
 *
 * `unsuccessful`: it says that it did not, and not why.
 */
export interface Deletion {
  kind: 'deleted' | 'notFound' | 'unsuccessful';
  /** The id under which Huawei's support finds the request. */
  requestId: string | undefined;
}

/** Where a connection stands, by the gateway's names. */
export const ConnectionState = {
  CREATING: 'CREATING',
  ACTIVE: 'ACTIVE',
  FAILED: 'FAILED',
  DELETED: 'DELETED',
  /** A word of DLI's that is none of the documented ones, or none at all. */
  UNKNOWN: 'UNKNOWN',
} as const;

/** One of {@link ConnectionState}. */
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

/** The state that a word of DLI's means. */
export function stateOfWireName(wireName: string | null): ConnectionState {
  const name = wireName?.toUpperCase() ?? '';
  return name in ConnectionState ? (name as ConnectionState) : ConnectionState.UNKNOWN;
}

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

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text can be the id of a connection at all: DLI's are UUIDs. */
export function isConnectionId(text: string): boolean {
  return UUID.test(text);
}
