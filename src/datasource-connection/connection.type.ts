import { GraphQLDateTime } from 'graphql-scalars';
import { Field, Float, ID, Int, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';
import type { ConnectionPage, ReadConnection } from '../connection-reads/list-page.js';
import { ConnectionOrder } from '../connection-reads/list-page.js';
import { ConnectionState, DatasourceService, serviceOfWireName, stateOfWireName } from '../dli/connection.js';
import type { DescribedQueue } from '../dli/responses.js';
import { shownMessage } from '../dli/sanitize.js';

const REASON_DESCRIPTION = 'null when it did not fail, or DLI gave no reason that is fit to be shown.';

/** A queue of a connection. */
@ObjectType('DatasourceConnectionQueue', {
  description: 'A queue that a connection is bound to, and how the connection stands there.',
})
export class DatasourceConnectionQueue {
  @Field(() => String, { description: "The queue's name." })
  readonly name: string;

  @Field(() => ConnectionState, {
    nullable: true,
    description: 'How the connection stands in this queue; null where DLI lists only the name.',
  })
  readonly state: ConnectionState | null;

  @Field(() => String, { nullable: true, description: `Why it failed in this queue; ${REASON_DESCRIPTION}` })
  readonly failureReason: string | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'When that last changed; null where DLI does not report it.',
  })
  readonly updatedAt: Date | null;

  constructor({ name, state, problem, updatedAtMs }: DescribedQueue) {
    this.name = name ?? '';
    this.state = state === null ? null : stateOfWireName(state);
    this.failureReason = problem === null ? null : shownMessage(problem);
    this.updatedAt = dateOf(updatedAtMs);
  }
}

/** The fields of all kinds of connections. */
@InterfaceType('DatasourceConnection', {
  description:
    'A connection through which DLI reaches a service in your network. There is one kind now, `ClassicDatasourceConnection`; others may be added.',
})
export abstract class DatasourceConnection {
  @Field(() => ID, { description: 'Its id, a UUID.' })
  readonly id: string;

  @Field(() => String, { description: 'Its name; empty where DLI does not report it.' })
  readonly name: string;

  @Field(() => ConnectionState, { description: 'Where it stands.' })
  readonly state: ConnectionState;

  @Field(() => String, {
    nullable: true,
    description: "DLI's own word for the state, for values that `state` does not know.",
  })
  readonly stateText: string | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'When it was created; null where DLI does not report it.',
  })
  readonly createdAt: Date | null;

  @Field(() => [DatasourceConnectionQueue], { description: 'The queues that it is bound to.' })
  readonly queues: readonly DatasourceConnectionQueue[];

  protected constructor({ id, name, state, createdAtMs, queues }: ReadConnection) {
    this.id = id;
    this.name = name ?? '';
    this.state = stateOfWireName(state);
    this.stateText = state;
    this.createdAt = dateOf(createdAtMs);
    this.queues = queues.map(queue => new DatasourceConnectionQueue(queue));
  }
}

/** A classic connection, the kind that `createDatasourceConnection` creates. */
@ObjectType('ClassicDatasourceConnection', {
  implements: DatasourceConnection,
  description: 'A classic connection, as `createDatasourceConnection` makes it.',
})
export class ClassicDatasourceConnection extends DatasourceConnection {
  @Field(() => DatasourceService, {
    nullable: true,
    description: 'The kind of service that it reaches; null for one that is not known here, see `serviceText`.',
  })
  readonly service: DatasourceService | null;

  @Field(() => String, { nullable: true, description: "DLI's own word for the kind of service." })
  readonly serviceText: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The service's address inside its network: the `url` that the connection was created with.",
  })
  readonly destination: string | null;

  @Field(() => Float, {
    nullable: true,
    description: 'How much of the creation is done, from 0 to 1; null where DLI does not report it.',
  })
  readonly progress: number | null;

  @Field(() => String, { nullable: true, description: `Why it failed; ${REASON_DESCRIPTION}` })
  readonly failureReason: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The address to use in the definition of a table, such as `to-rds-1174405057-EA1Kgo8H.datasource.com:3306`; null until the connection is active.',
  })
  readonly connectionAddress: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The serverless cluster that it was created for; null for none.',
  })
  readonly clusterName: string | null;

  constructor(connection: ReadConnection) {
    super(connection);
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

function reasonOf({ message, queues }: ReadConnection): string | null {
  const texts = [message, ...queues.map(({ problem }) => problem)];
  return texts.map(text => (text === null ? null : shownMessage(text))).find(text => text !== null) ?? null;
}

function dateOf(epochMs: number | null): Date | null {
  const date = new Date(epochMs ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** One page of a list of connections. */
@ObjectType('DatasourceConnectionPage', { description: "Some of a list's connections." })
export class DatasourceConnectionPage {
  @Field(() => [DatasourceConnection], { description: 'The connections of this page, in order.' })
  readonly items: readonly DatasourceConnection[];

  @Field(() => String, {
    nullable: true,
    description: 'Send it as `after` to get the next page; null when this is the last.',
  })
  readonly nextCursor: string | null;

  @Field(() => Int, { description: 'How many connections there are on all pages together.' })
  readonly totalCount: number;

  constructor({ items, nextCursor, totalCount }: ConnectionPage) {
    this.items = items.map(connection => new ClassicDatasourceConnection(connection));
    this.nextCursor = nextCursor;
    this.totalCount = totalCount;
  }
}

registerEnumType(ConnectionState, {
  name: 'DatasourceConnectionState',
  description: 'Where a connection, or its part in a queue, stands. Values may be added.',
  valuesConfig: {
    CREATING: { description: 'DLI is making it, which takes minutes. It cannot be used or deleted yet.' },
    ACTIVE: { description: 'It can be used.' },
    FAILED: { description: 'It could not be made; `failureReason` says why. It can be deleted.' },
    DELETED: { description: 'It was deleted. DLI still knows of it for a while.' },
    UNKNOWN: { description: 'DLI uses a word that is none of these; `stateText` has it.' },
  },
});

export { ConnectionState };

registerEnumType(ConnectionOrder, {
  name: 'DatasourceConnectionOrder',
  description: 'The order of a list. Equals are ordered by id.',
  valuesConfig: {
    NEWEST_FIRST: { description: 'By time of creation, the latest first.' },
    OLDEST_FIRST: { description: 'By time of creation, the earliest first.' },
    NAME: { description: 'By name, without regard to case.' },
  },
});

export { ConnectionOrder };

registerEnumType(DatasourceService, {
  name: 'DatasourceService',
  description: 'The kind of service that a connection reaches.',
  valuesConfig: {
    CLOUD_TABLE: { description: 'CloudTable HBase, reached through its ZooKeeper link.' },
    CLOUD_TABLE_OPENTSDB: { description: 'OpenTSDB of CloudTable.' },
    MRS_OPENTSDB: { description: 'OpenTSDB of MapReduce Service (MRS).' },
    DWS: { description: 'Data Warehouse Service (DWS).' },
    RDS: { description: 'Relational Database Service (RDS): MySQL or PostgreSQL.' },
    CSS: { description: 'Cloud Search Service (CSS), Elasticsearch.' },
  },
});

export { DatasourceService };
