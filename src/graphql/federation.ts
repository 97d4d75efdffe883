import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import {
  assertInterfaceType,
  assertObjectType,
  assertUnionType,
  extendSchema,
  lexicographicSortSchema,
  parse,
  printSchema,
} from 'graphql';
import type { ConnectionReferences } from '../datasource-connection/references.js';
import type { RequestContext } from '../datasource-connection/request-context.js';
import { requireRoles } from './schema.js';

/** The interface of the entities. Other subgraphs refer to its objects by id. */
const ENTITY = 'DatasourceConnection';
// The first version with interfaces as entities. Later ones compose with it.
const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])';

/**
 * Returns a schema with what a gateway of Apollo Federation 2 needs of a subgraph: `_service` and `_entities`
 * (https://www.apollographql.com/docs/graphos/schema-design/federated-schemas/reference/subgraph-spec).
 *
 * `schema.graphql` stays without them, because they are not for callers.
 */
export function addFederation(schema: GraphQLSchema, references: ConnectionReferences): GraphQLSchema {
  const entity = assertInterfaceType(schema.getType(ENTITY));
  const kinds = schema.getPossibleTypes(entity).map(({ name }) => name);
  const extended = extendSchema(
    schema,
    parse(`
      scalar _Any
      type _Service { sdl: String! }
      union _Entity = ${kinds.join(' | ')}
      extend type Query {
        _service: _Service!
        _entities(representations: [_Any!]!): [_Entity]!
      }
    `),
  );
  // graphql-js drops it.
  extended.description = schema.description;
  assertUnionType(extended.getType('_Entity')).resolveType = entity.resolveType;
  let sdl: string | undefined;
  const readSdl = () => {
    sdl ??= printSdl(schema, kinds);
    return sdl;
  };
  setResolver(extended, '_service', () => ({ sdl: readSdl }));
  setResolver(extended, '_entities', (_source, { representations }, context) => {
    requireRoles(context, ['read']);
    return references.resolve(representations, context);
  });
  return extended;
}

function setResolver(
  schema: GraphQLSchema,
  name: string,
  resolve: GraphQLFieldResolver<unknown, RequestContext, { representations: readonly unknown[] }>,
): void {
  const field = assertObjectType(schema.getQueryType()).getFields()[name];
  if (field === undefined) throw new TypeError(`Query has no field ${name}.`);
  field.resolve = resolve;
}

/** The schema with its entities. An interface is one only if all of its types are. */
function printSdl(schema: GraphQLSchema, kinds: readonly string[]): string {
  const sorted = printSchema(lexicographicSortSchema(schema));
  const keys = kinds.map(name => `extend type ${name} @key(fields: "id")`);
  return [sorted, LINK, `extend interface ${ENTITY} @key(fields: "id")`, ...keys, ''].join('\n\n');
}
