/** A key-value label of a connection in Huawei Cloud. */
export interface ConnectionTag {
  key: string;
  value: string;
}

/** The input of a create. */
export interface ConnectionRequest {
  name: string;
  service: DatasourceService;
  securityGroupId: string;
  /** The subnet's network id, not the id of the VPC. */
  networkId: string;
  /** `host:port` of the service; several joined by commas for CloudTable. */
  url: string;
  /** Serverless cluster. DLI dropped it in 2019, so it is sent only when given. */
  clusterName?: string;
  tags?: readonly ConnectionTag[];
}

/** DLI's response to a delete. `unsuccessful`: it failed, without a reason. */
export interface Deletion {
  kind: 'deleted' | 'notFound' | 'unsuccessful';
  /** Huawei Cloud's request id, for its support. */
  requestId: string | undefined;
  /** DLI's own words about a failure, if they may be shown. */
  upstreamMessage?: string | undefined;
}

/** State of a connection, by the gateway's names. */
export const ConnectionState = {
  CREATING: 'CREATING',
  ACTIVE: 'ACTIVE',
  FAILED: 'FAILED',
  DELETED: 'DELETED',
  /** An undocumented or missing state. */
  UNKNOWN: 'UNKNOWN',
} as const;

/** One of {@link ConnectionState}. */
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

/** The state that DLI's spelling means. */
export function stateOfWireName(wireName: string | null): ConnectionState {
  const name = wireName?.toUpperCase() ?? '';
  return name in ConnectionState ? (name as ConnectionState) : ConnectionState.UNKNOWN;
}

/** Services that a classic connection can reach, by the gateway's names. */
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

/** The spelling of each service that every generation of DLI accepts. DLI ignores case. */
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

/** The service that DLI's spelling means. Undefined when it is unknown. */
export function serviceOfWireName(wireName: string): DatasourceService | undefined {
  return SERVICE_OF_WIRE_NAME.get(wireName.toLowerCase());
}

/** The format of a connection id: a UUID. */
export const CONNECTION_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
