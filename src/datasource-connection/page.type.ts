import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { ConnectionPage, ReadConnection } from '../connection-reads/connection-snapshot.js';
import { ConnectionOrder } from '../connection-reads/connection-snapshot.js';
import { ConnectionKind } from '../dli/connection.js';
import { DatasourceConnection } from './connection.type.js';

/** Converts a connection of any kind to its GraphQL type. */
export type ToConnectionType = (connection: ReadConnection) => DatasourceConnection;

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

  @Field(() => [ConnectionKind], {
    description:
      'The kinds that the filter can match but that DLI does not list, now or in this region, so that their connections are missing. A query that does not select this field gets an error while one of them cannot be listed at the moment; one that DLI does not offer in the region does not make it fail.',
  })
  readonly unavailableKinds: readonly ConnectionKind[];

  constructor({ items, nextCursor, totalCount, unavailableKinds }: ConnectionPage, toType: ToConnectionType) {
    this.items = items.map(toType);
    this.nextCursor = nextCursor;
    this.totalCount = totalCount;
    this.unavailableKinds = unavailableKinds;
  }
}

registerEnumType(ConnectionOrder, {
  name: 'DatasourceConnectionOrder',
  description: 'The order of a list. Connections that compare equal are ordered by id.',
  valuesConfig: {
    NEWEST_FIRST: { description: 'By time of creation, newest first.' },
    OLDEST_FIRST: { description: 'By time of creation, oldest first.' },
    NAME: { description: 'By name, ignoring case.' },
  },
});
