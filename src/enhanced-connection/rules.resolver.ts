import { Authorized, Query, Resolver } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import { InputFieldRule, toInputFieldRules } from '../datasource-connection/service.resolver.js';
import { CREATE_ENHANCED_RULES } from './create.input.js';

const RULES = toInputFieldRules(CREATE_ENHANCED_RULES);

/** Resolves what a form for a new enhanced connection needs. */
@Resolver()
export class EnhancedConnectionRulesResolver {
  @Authorized<Role>('read')
  @Query(() => [InputFieldRule], {
    description: 'The rule of every field of the input of `createEnhancedDatasourceConnection`, for forms.',
  })
  createEnhancedDatasourceConnectionRules(): InputFieldRule[] {
    return RULES;
  }
}
