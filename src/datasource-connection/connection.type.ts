import { Field, ID, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';
import type { ReadConnection } from '../connection-reads/connection-snapshot.js';
import { isSettled } from '../connection-reads/readiness.js';
import type { ConnectionTag } from '../dli/connection.js';
import { ConnectionKind, ConnectionState, stateOfWireName } from '../dli/connection.js';
import type { DescribedQueue } from '../dli/responses.js';
import { MARKER_TAG_KEY } from '../idempotency/connection-lookup.js';
import { DateTime, dateOf } from './date-time.js';

/** Ends the descriptions of failure reasons. */
export const REASON_DESCRIPTION = 'null when it did not fail, or DLI gave no reason that can be shown.';

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
export class Tag {
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
    'A connection through which DLI reaches a service in your network. It is a `ClassicDatasourceConnection` or an `EnhancedDatasourceConnection`; other kinds may be added.',
})
export abstract class DatasourceConnection {
  @Field(() => ID, { description: 'The id of the connection, a UUID.' })
  readonly id: string;

  @Field(() => ConnectionKind, { description: 'The kind of the connection.' })
  readonly kind: ConnectionKind;

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

  @Field(() => Boolean, {
    description:
      'Whether DLI has finished its work on the connection: the connection is not CREATING, and no binding of it is.',
  })
  readonly isSettled: boolean;

  @Field(() => [DatasourceConnectionQueue], {
    description:
      'The queues that the connection is bound to. A queue of an elastic resource pool is not among them if its pool is bound, see `EnhancedDatasourceConnection.bindings`.',
  })
  readonly queues: readonly DatasourceConnectionQueue[];

  @Field(() => [Tag], {
    nullable: true,
    description:
      "The tags of the connection, without the gateway's own and those that Huawei Cloud adds by itself; null if DLI does not report tags.",
  })
  readonly tags: readonly Tag[] | null;

  protected constructor(connection: ReadConnection, queues: readonly DescribedQueue[]) {
    const { id, kind, name, state, createdAtMs, tags } = connection;
    this.id = id;
    this.kind = kind;
    this.name = name ?? '';
    this.state = stateOfWireName(state);
    this.stateText = state;
    this.createdAt = dateOf(createdAtMs);
    this.queues = queues.map(queue => new DatasourceConnectionQueue(queue));
    this.isSettled = isSettled(connection);
    this.tags = tags && toTags(tags);
  }
}

/** The tags of a connection that callers see. */
export function toTags(tags: readonly ConnectionTag[]): Tag[] {
  return tags.filter(isShown).map(tag => new Tag(tag));
}

function isShown({ key }: ConnectionTag): boolean {
  return key !== MARKER_TAG_KEY && !key.startsWith('_sys_');
}

registerEnumType(ConnectionState, {
  name: 'DatasourceConnectionState',
  description: 'The state of a connection, as a whole, in one queue or of one binding. Values may be added.',
  valuesConfig: {
    CREATING: { description: 'DLI is creating the connection, which takes minutes. It cannot be used or deleted yet.' },
    ACTIVE: {
      description:
        'The connection can be used. An enhanced one only exists: see its `readiness` and the state of each binding.',
    },
    FAILED: {
      description:
        'The connection, or its binding, could not be created, for the reason in `failureReason` or `failure`. It can be deleted.',
    },
    DELETED: { description: 'The connection was deleted. DLI still lists it for a while.' },
    UNKNOWN: { description: 'DLI reports another state, which is in `stateText`.' },
  },
});

registerEnumType(ConnectionKind, {
  name: 'DatasourceConnectionKind',
  description: 'The kind of a connection. Values may be added.',
  valuesConfig: {
    CLASSIC: {
      description: 'A connection to the address of one service. Huawei Cloud ended its support of these on 2024-06-30.',
    },
    ENHANCED: { description: "A network peering between DLI's compute resources and a subnet of a VPC." },
  },
});
