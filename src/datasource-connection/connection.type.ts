import { GraphQLScalarType } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';
import { Field, Float, ID, Int, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';
import type { ConnectionPage, ReadClassicConnection, ReadConnection } from '../connection-reads/list-page.js';
import { ConnectionOrder } from '../connection-reads/list-page.js';
import type { ConnectionTag } from '../dli/connection.js';
import { ConnectionState, DatasourceService, serviceOfWireName, stateOfWireName } from '../dli/connection.js';
import type { DescribedQueue } from '../dli/responses.js';
import { MARKER_TAG_KEY } from '../idempotency/connection-lookup.js';

const DateTime = new GraphQLScalarType({
  ...GraphQLDateTime.toConfig(),
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time',
});

const REASON_DESCRIPTION = 'null when it did not fail, or DLI gave no reason that can be shown.';

/** A queue of a connection. */
@ObjectType('DatasourceConnectionQueue', {
  description: 'A queue that a connection is bound to, with the state of the connection in it.',
})
class DatasourceConnectionQueue {
  @Field(() => String, { description: "The queue's name." })
  readonly name: string;

  @Field(() => ConnectionState, {
    nullable: true,
    description: 'The state of the connection in this queue; null if DLI lists only the name.',
  })
  readonly state: ConnectionState | null;

  @Field(() => String, {
    nullable: true,
    description: `Why the connection failed in this queue; ${REASON_DESCRIPTION}`,
  })
  readonly failureReason: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the state in this queue last changed; null if DLI does not report it.',
  })
  readonly updatedAt: Date | null;

  constructor({ name, state, problem, updatedAtMs }: DescribedQueue) {
    this.name = name ?? '';
    this.state = state === null ? null : stateOfWireName(state);
    this.failureReason = problem;
    this.updatedAt = dateOf(updatedAtMs);
  }
}

/** A tag of a connection. */
@ObjectType('Tag', { description: 'A label that Huawei Cloud stores with a connection.' })
class Tag {
  @Field(() => String, { description: 'The key of the tag.' })
  readonly key: string;

  @Field(() => String, { description: 'The value of the tag; may be empty.' })
  readonly value: string;

  constructor({ key, value }: ConnectionTag) {
    this.key = key;
    this.value = value;
  }
}

/** The fields of all kinds of connections. */
@InterfaceType('DatasourceConnection', {
  description:
    'A connection through which DLI reaches a service in your network. `ClassicDatasourceConnection` is the only kind now; others may be added.',
})
export abstract class DatasourceConnection {
  @Field(() => ID, { description: 'The id of the connection, a UUID.' })
  readonly id: string;

  @Field(() => String, { description: 'The name of the connection; empty if DLI does not report it.' })
  readonly name: string;

  @Field(() => ConnectionState, { description: 'The state of the connection.' })
  readonly state: ConnectionState;

  @Field(() => String, {
    nullable: true,
    description: "DLI's own name for the state, for states that have no value in `state`.",
  })
  readonly stateText: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the connection was created; null if DLI does not report it.',
  })
  readonly createdAt: Date | null;

  @Field(() => [DatasourceConnectionQueue], { description: 'The queues that the connection is bound to.' })
  readonly queues: readonly DatasourceConnectionQueue[];

  @Field(() => [Tag], {
    nullable: true,
    description:
      "The tags of the connection, without the gateway's own and those that Huawei Cloud adds by itself; null if DLI does not report tags.",
  })
  readonly tags: readonly Tag[] | null;

  protected constructor({ id, name, state, createdAtMs, tags }: ReadConnection, queues: readonly DescribedQueue[]) {
    this.id = id;
    this.name = name ?? '';
    this.state = stateOfWireName(state);
    this.stateText = state;
    this.createdAt = dateOf(createdAtMs);
    this.queues = queues.map(queue => new DatasourceConnectionQueue(queue));
    this.tags = tags?.filter(isShown).map(tag => new Tag(tag)) ?? null;
  }
}

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

/** A connection as its GraphQL type. */
export function toConnectionType(connection: ReadConnection): DatasourceConnection {
  if (connection.kind !== 'CLASSIC') throw new TypeError('not built yet');
  return new ClassicDatasourceConnection(connection);
}

function isShown({ key }: ConnectionTag): boolean {
  return key !== MARKER_TAG_KEY && !key.startsWith('_sys_');
}

function reasonOf({ message, queues }: ReadClassicConnection): string | null {
  return message ?? queues.find(({ problem }) => problem !== null)?.problem ?? null;
}

function dateOf(epochMs: number | null): Date | null {
  const date = new Date(epochMs ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** One page of a list of connections. */
@ObjectType('DatasourceConnectionPage', { description: 'One page of a list of connections.' })
export class DatasourceConnectionPage {
  @Field(() => [DatasourceConnection], { description: 'The connections of this page, in the order of the list.' })
  readonly items: readonly DatasourceConnection[];

  @Field(() => String, {
    nullable: true,
    description: 'The value of `after` that gets the next page; null on the last page.',
  })
  readonly nextCursor: string | null;

  @Field(() => Int, { description: 'The number of connections on all pages together.' })
  readonly totalCount: number;

  constructor({ items, nextCursor, totalCount }: ConnectionPage) {
    this.items = items.map(toConnectionType);
    this.nextCursor = nextCursor;
    this.totalCount = totalCount;
  }
}

registerEnumType(ConnectionState, {
  name: 'DatasourceConnectionState',
  description: 'The state of a connection, as a whole or in one queue. Values may be added.',
  valuesConfig: {
    CREATING: { description: 'DLI is creating the connection, which takes minutes. It cannot be used or deleted yet.' },
    ACTIVE: { description: 'The connection can be used.' },
    FAILED: {
      description: 'The connection could not be created, for the reason in `failureReason`. It can be deleted.',
    },
    DELETED: { description: 'The connection was deleted. DLI still lists it for a while.' },
    UNKNOWN: { description: 'DLI reports another state, which is in `stateText`.' },
  },
});

registerEnumType(ConnectionOrder, {
  name: 'DatasourceConnectionOrder',
  description: 'The order of a list. Connections that compare equal are ordered by id.',
  valuesConfig: {
    NEWEST_FIRST: { description: 'By time of creation, newest first.' },
    OLDEST_FIRST: { description: 'By time of creation, oldest first.' },
    NAME: { description: 'By name, ignoring case.' },
  },
});

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

export { ConnectionOrder, ConnectionState, DatasourceService };
