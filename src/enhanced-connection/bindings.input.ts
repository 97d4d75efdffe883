import { Matches } from 'class-validator';
import { Field, ID, InputType } from 'type-graphql';
import { FollowsListRule } from '../datasource-connection/field-rules.js';
import { InputProblemCode, reports } from '../datasource-connection/input-problem.js';
import { ConnectionResourceInput, resourceListRule } from '../datasource-connection/resource.input.js';
import { CONNECTION_ID } from '../dli/connection.js';

/** The input of `bindDatasourceConnection` and `unbindDatasourceConnection`. */
@InputType({ description: 'A connection, and the pools and queues to bind it to or to unbind it from.' })
export class ConnectionResourcesInput {
  @Field(() => ID, { description: "The connection's id, a UUID." })
  @Matches(
    CONNECTION_ID,
    reports(InputProblemCode.WRONG_FORMAT, 'connectionId must be a UUID, as the id of every connection is.'),
  )
  connectionId!: string;

  @Field(() => [ConnectionResourceInput], { description: '1 to 20 pools and queues, each once.' })
  @FollowsListRule(resourceListRule('resources', true))
  resources!: ConnectionResourceInput[];
}
