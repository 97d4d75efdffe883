import type { ValidationArguments } from 'class-validator';
import { ValidateBy } from 'class-validator';
import type { DatasourceService } from '../dli/connection.js';
import { isDestinationOf, urlRuleOf } from './destination-rules.js';

/** Checks a url against the rule of the service that its sibling field `service` names. */
export function IsDestinationOfService(): PropertyDecorator {
  return ValidateBy({
    name: 'isDestinationOfService',
    validator: {
      validate: (url: unknown, args?: ValidationArguments) => isDestinationOf(serviceOf(args), url),
      defaultMessage: args => `${urlRuleOf(serviceOf(args))}.`,
    },
  });
}

// GraphQL has already refused an input without a valid service.
function serviceOf(args: ValidationArguments | undefined): DatasourceService {
  if (args === undefined) throw new TypeError('class-validator calls a rule with its arguments.');
  return (args.object as { service: DatasourceService }).service;
}
