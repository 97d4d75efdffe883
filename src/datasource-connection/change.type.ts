import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { ChangeKind } from '../connection-reads/list-poller.js';
import { DatasourceConnection } from './connection.type.js';

/** A change of a connection in a watched list. */
@ObjectType('DatasourceConnectionChange', { description: 'What happened to a connection in a list.' })
export class DatasourceConnectionChange {
  @Field(() => ChangeKind, { description: 'What happened to the connection.' })
  readonly kind: ChangeKind;

  @Field(() => DatasourceConnection, {
    description:
      'The connection as it is now. One that was removed because DLI no longer lists it is shown as it was last.',
  })
  readonly connection: DatasourceConnection;

  constructor(kind: ChangeKind, connection: DatasourceConnection) {
    this.kind = kind;
    this.connection = connection;
  }
}

registerEnumType(ChangeKind, {
  name: 'DatasourceConnectionChangeKind',
  description: 'What happened to a connection in a list.',
  valuesConfig: {
    ADDED: { description: 'The connection is new in the list, or has begun to match the filter.' },
    CHANGED: { description: 'A field of the connection has changed, such as its state or progress.' },
    REMOVED: {
      description: 'The connection no longer matches the filter, for example because it was deleted, or is gone.',
    },
  },
});
