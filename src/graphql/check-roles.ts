import { GraphQLError } from 'graphql';
import type { AuthChecker } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import type { RequestContext } from '../datasource-connection/request-context.js';

/**
 * Lets a field be resolved for a caller who has every role that it is marked with.
 *
 * @throws {GraphQLError} FORBIDDEN otherwise
 */
export const checkRoles: AuthChecker<RequestContext, Role> = ({ context }, roles) => {
  if (roles.every(role => context.caller.roles.has(role))) return true;
  throw new GraphQLError('Your access token does not give you the right to do this.', {
    extensions: { code: 'FORBIDDEN' },
  });
};
