/** A key-value label of a connection in Huawei Cloud. */
export interface ConnectionTag {
  key: string;
  value: string;
}

/** The two kinds of datasource connections. Their ids and names are independent. */
export const ConnectionKind = { CLASSIC: 'CLASSIC', ENHANCED: 'ENHANCED' } as const;

/** One of {@link ConnectionKind}. */
export type ConnectionKind = (typeof ConnectionKind)[keyof typeof ConnectionKind];

/** What an enhanced connection can be bound to. */
export const ResourceKind = { ELASTIC_RESOURCE_POOL: 'ELASTIC_RESOURCE_POOL', QUEUE: 'QUEUE' } as const;

/** One of {@link ResourceKind}. */
export type ResourceKind = (typeof ResourceKind)[keyof typeof ResourceKind];

/** An elastic resource pool or a queue. DLI ignores the case of names, so they are in lower case here. */
export interface Resource {
  kind: ResourceKind;
  name: string;
}

/** Whether a binding, or a resource, refers to this resource. */
export function isSameResource(one: { kind: ResourceKind; name: string | null }, { kind, name }: Resource): boolean {
  return one.kind === kind && one.name === name;
}

/** A pool or queue that exists. */
export interface ListedResource extends Resource {
  /** The pool that a queue belongs to; null for pools and for queues outside of pools. */
  poolName: string | null;
}

/** Why a binding failed, as far as DLI's text shows. */
export const BindingFailureCause = {
  CIDR_OVERLAP: 'CIDR_OVERLAP',
  AGENCY_PERMISSION_MISSING: 'AGENCY_PERMISSION_MISSING',
  NETWORK_NOT_FOUND: 'NETWORK_NOT_FOUND',
  ROUTE_CONFLICT: 'ROUTE_CONFLICT',
  NETWORK_QUOTA: 'NETWORK_QUOTA',
  OTHER: 'OTHER',
} as const;

/** One of {@link BindingFailureCause}. */
export type BindingFailureCause = (typeof BindingFailureCause)[keyof typeof BindingFailureCause];

/** A summary of the hosts of a connection, of which there may be 20,000. */
export interface HostsSummary {
  count: number;
  /** SHA-256 of the sorted pairs of name and address, in hexadecimal digits. */
  version: string;
}

/** A host name, and the IPv4 address that jobs get for it. */
export interface HostMapping {
  name: string;
  ip: string;
}

/** The input of a create, by kind of connection. */
export type ConnectionRequest = ClassicConnectionRequest | EnhancedConnectionRequest;

/** The input of a create of an enhanced connection. Resources are bound afterwards, in calls of their own. */
export interface EnhancedConnectionRequest {
  kind: typeof ConnectionKind.ENHANCED;
  name: string;
  /** The VPC of the data source. */
  vpcId: string;
  /** The network id of the subnet of the data source. */
  networkId: string;
  /** The route table of that subnet. Default: DLI finds it. */
  routeTableId?: string;
  hosts?: readonly HostMapping[];
  tags?: readonly ConnectionTag[];
}

/** The input of a create of a classic connection. */
export interface ClassicConnectionRequest {
  kind: typeof ConnectionKind.CLASSIC;
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

/** DLI's response to a request that changes something. `unsuccessful` means that it failed for no stated reason. */
export interface ChangeResult<K extends string> {
  kind: K;
  /** Huawei Cloud's request id, for its support. */
  requestId: string | undefined;
  /** DLI's own words about a failure, if they may be shown. */
  upstreamMessage?: string | undefined;
}

/** DLI's response to a delete. */
export type Deletion = ChangeResult<'deleted' | 'notFound' | 'unsuccessful'>;

/** DLI's response to a bind or unbind. */
export type BindingResponse = ChangeResult<'done' | 'unsuccessful'>;

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

/** The state that DLI's spelling stands for. */
export function stateOfWireName(wireName: string | null): ConnectionState {
  const name = wireName?.toUpperCase() ?? '';
  return name in ConnectionState ? (name as ConnectionState) : ConnectionState.UNKNOWN;
}

/** Bindings take some minutes; after this time, something is wrong. */
const OVERDUE_MS = 15 * 60_000;

/**
 * Whether a binding has been CREATING for 15 minutes.
 *
 * @param createdAtMs when its connection was created; used if the binding has no time of its own
 */
export function isOverdue(
  { state, updatedAtMs }: { state: string | null; updatedAtMs: number | null },
  createdAtMs: number | null,
  nowMs: number,
): boolean {
  // DLI's clock and ours differ by seconds at most.
  const sinceMs = updatedAtMs ?? createdAtMs;
  return stateOfWireName(state) === 'CREATING' && sinceMs !== null && nowMs - sinceMs >= OVERDUE_MS;
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

/** The service that DLI's spelling stands for. Undefined when it is unknown. */
export function serviceOfWireName(wireName: string): DatasourceService | undefined {
  return SERVICE_OF_WIRE_NAME.get(wireName.toLowerCase());
}

/** The format of a connection id: a UUID. */
export const CONNECTION_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
