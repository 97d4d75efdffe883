import type { DatasourceService } from './datasource-service.js';

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
