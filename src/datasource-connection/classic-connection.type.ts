import { Field, Float, ObjectType, registerEnumType } from 'type-graphql';
import type { ReadClassicConnection } from '../connection-reads/connection-snapshot.js';
import { ConnectionState, DatasourceService, serviceOfWireName } from '../dli/connection.js';
import { DatasourceConnection, REASON_DESCRIPTION } from './connection.type.js';

/** A classic connection, the kind that `createDatasourceConnection` creates. */
@ObjectType('ClassicDatasourceConnection', {
  implements: DatasourceConnection,
  description: 'A classic connection, the kind that `createDatasourceConnection` creates.',
})
export class ClassicDatasourceConnection extends DatasourceConnection {
  @Field(() => DatasourceService, {
    nullable: true,
    description: 'The kind of service that the connection reaches; null for an unknown kind, see `serviceText`.',
  })
  readonly service: DatasourceService | null;

  @Field(() => String, { nullable: true, description: "DLI's own name for the kind of service." })
  readonly serviceText: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The address of the service inside its network: the `url` that the connection was created with.',
  })
  readonly destination: string | null;

  @Field(() => Float, {
    nullable: true,
    description: 'The progress of the creation, from 0 to 1; null if DLI does not report it.',
  })
  readonly progress: number | null;

  @Field(() => String, { nullable: true, description: `Why the connection failed; ${REASON_DESCRIPTION}` })
  readonly failureReason: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The address to use in the definition of a table, such as `to-rds-1174405057-EA1Kgo8H.datasource.com:3306`; null until the connection is active.',
  })
  readonly connectionAddress: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The serverless cluster that the connection was created for; null if there is none.',
  })
  readonly clusterName: string | null;

  constructor(connection: ReadClassicConnection) {
    super(connection, connection.queues);
    const { service, destination, progress, address, clusterName } = connection;
    this.service = (service !== null && serviceOfWireName(service)) || null;
    this.serviceText = service;
    this.destination = destination;
    this.progress = progress;
    this.failureReason = this.state === ConnectionState.FAILED ? reasonOf(connection) : null;
    this.connectionAddress = address;
    this.clusterName = clusterName;
  }
}

function reasonOf({ message, queues }: ReadClassicConnection): string | null {
  return message ?? queues.find(({ problem }) => problem !== null)?.problem ?? null;
}

registerEnumType(DatasourceService, {
  name: 'DatasourceService',
  description: 'The kind of service that a connection reaches.',
  valuesConfig: {
    CLOUD_TABLE: { description: 'CloudTable HBase, reached through its ZooKeeper link.' },
    CLOUD_TABLE_OPENTSDB: { description: 'OpenTSDB of CloudTable.' },
    MRS_OPENTSDB: { description: 'OpenTSDB of MapReduce Service (MRS).' },
    DWS: { description: 'Data Warehouse Service (DWS).' },
    RDS: { description: 'Relational Database Service (RDS): MySQL or PostgreSQL.' },
    CSS: { description: 'Cloud Search Service (CSS): Elasticsearch.' },
  },
});
