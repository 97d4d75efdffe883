import { Field, Int, ObjectType } from 'type-graphql';
import type { ConnectionPage } from '../connection-reads/list-page.js';
import { ClassicDatasourceConnection, DatasourceConnection } from './datasource-connection.type.js';

/** Some of a list's connections. */
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
