import { ValidateBy } from 'class-validator';
import { Field, ID, InputType } from 'type-graphql';
import { isConnectionId } from '../dli/connection.js';

/** The connection to delete. */
@InputType({ description: 'The connection to delete.' })
export class DeleteDatasourceConnectionInput {
  @Field(() => ID, { description: "The connection's id, a UUID." })
  @ValidateBy({
    name: 'isConnectionId',
    validator: {
      validate: id => typeof id === 'string' && isConnectionId(id),
      defaultMessage: () => 'id must be a UUID, as the id of every connection is.',
    },
  })
  id!: string;
}
