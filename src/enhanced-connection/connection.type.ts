import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { HostPage } from '../connection-reads/connection-details.js';
import type { ReadConnection, ReadEnhancedConnection } from '../connection-reads/connection-snapshot.js';
import { ConnectionReadiness, readinessOf } from '../connection-reads/readiness.js';
import { ConnectionBinding } from '../datasource-connection/binding.type.js';
import { ClassicDatasourceConnection } from '../datasource-connection/classic-connection.type.js';
import { DatasourceConnection } from '../datasource-connection/connection.type.js';
import { DateTime, dateOf } from '../datasource-connection/date-time.js';
import type { HostMapping } from '../dli/connection.js';
import type { DescribedRoute } from '../dli/responses.js';

/** A route of an enhanced connection. */
@ObjectType('ConnectionRoute', { description: 'A route from DLI into the network of the data source.' })
class ConnectionRoute {
  @Field(() => String, { description: 'The name of the route, unique in the connection.' })
  readonly name: string;

  @Field(() => String, { description: 'The destination: an IPv4 or IPv6 block in CIDR notation.' })
  readonly cidr: string;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the route was added; null if DLI does not report it.',
  })
  readonly createdAt: Date | null;

  constructor({ name, cidr, createdAtMs }: DescribedRoute) {
    this.name = name;
    this.cidr = cidr;
    this.createdAt = dateOf(createdAtMs);
  }
}

/** An enhanced connection. */
@ObjectType('EnhancedDatasourceConnection', {
  implements: DatasourceConnection,
  description:
    'A connection to a subnet of a VPC, the kind that `createEnhancedDatasourceConnection` creates. Its state ACTIVE only says that it exists: whether jobs can use it is in `readiness` and `bindings`.',
})
export class EnhancedDatasourceConnection extends DatasourceConnection {
  @Field(() => ConnectionReadiness, {
    description: 'Whether jobs can use the connection: the states of its bindings in one word.',
  })
  readonly readiness: ConnectionReadiness;

  @Field(() => [ConnectionBinding], { description: 'Every pool and queue that the connection is bound to.' })
  readonly bindings: readonly ConnectionBinding[];

  @Field(() => ID, {
    nullable: true,
    description: 'The id of the VPC of the data source; null if DLI does not report it.',
  })
  readonly vpcId: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The network id of the subnet of the data source; null if DLI does not report it.',
  })
  readonly networkId: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether IPv6 can be used, which never changes; null if DLI does not report it.',
  })
  readonly isIpv6Enabled: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the connection is shared with other projects; null if unknown, because only lists have it.',
  })
  readonly isShared: boolean | null;

  @Field(() => Int, { description: 'The number of host names that the connection resolves.' })
  readonly hostCount: number;

  @Field(() => String, { description: 'A text that changes with every change of the hosts.' })
  readonly hostsVersion: string;

  @Field(() => [ConnectionRoute], {
    nullable: true,
    description:
      "The routes that were added to the connection, without the system's own; null if DLI does not report routes.",
  })
  readonly routes: readonly ConnectionRoute[] | null;

  constructor(connection: ReadEnhancedConnection) {
    const { bindings, vpcId, networkId, isIpv6Enabled, isShared, hosts, routes } = connection;
    super(
      connection,
      bindings.filter(({ kind }) => kind === 'QUEUE'),
    );
    this.readiness = readinessOf(connection);
    this.bindings = bindings.map(binding => new ConnectionBinding(binding));
    this.vpcId = vpcId;
    this.networkId = networkId;
    this.isIpv6Enabled = isIpv6Enabled;
    this.isShared = isShared;
    this.hostCount = hosts.count;
    this.hostsVersion = hosts.version;
    this.routes = routes?.map(route => new ConnectionRoute(route)) ?? null;
  }
}

/** Converts a connection of any kind to its GraphQL type. */
export function toConnectionType(connection: ReadConnection): DatasourceConnection {
  return connection.kind === 'CLASSIC'
    ? new ClassicDatasourceConnection(connection)
    : new EnhancedDatasourceConnection(connection);
}

/** A host name of a connection. */
@ObjectType('HostMapping', { description: 'A host name, and the IPv4 address that jobs get for it.' })
class HostMappingType {
  @Field(() => String, { description: 'The host name.' })
  readonly name: string;

  @Field(() => String, { description: 'The IPv4 address.' })
  readonly ip: string;

  constructor({ name, ip }: HostMapping) {
    this.name = name;
    this.ip = ip;
  }
}

/** One page of the hosts of a connection. */
@ObjectType({ description: 'One page of the host names of a connection.' })
export class HostMappingPage {
  @Field(() => [HostMappingType], { description: 'The host names of this page, in alphabetical order.' })
  readonly items: readonly HostMappingType[];

  @Field(() => String, {
    nullable: true,
    description: 'The value of `after` that gets the next page; null on the last page.',
  })
  readonly nextCursor: string | null;

  @Field(() => Int, { description: 'The number of matching host names on all pages together.' })
  readonly totalCount: number;

  constructor({ items, nextCursor, totalCount }: HostPage) {
    this.items = items.map(host => new HostMappingType(host));
    this.nextCursor = nextCursor;
    this.totalCount = totalCount;
  }
}
