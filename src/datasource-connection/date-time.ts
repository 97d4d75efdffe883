import { GraphQLScalarType } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';

/** The scalar for times. */
export const DateTime = new GraphQLScalarType({
  ...GraphQLDateTime.toConfig(),
  specifiedByURL: 'https://scalars.graphql.org/andimarek/date-time',
});

/** A time in milliseconds since 1970-01-01 UTC as a date; null if there is none, or it is out of range. */
export function dateOf(epochMs: number | null): Date | null {
  const date = new Date(epochMs ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}
