import { Authorized, Query, Resolver } from 'type-graphql';
import type { Role } from '../auth/caller.js';
import { DatasourceService } from './datasource-service.enum.js';
import { DatasourceServiceInfo } from './datasource-service-info.type.js';

const SERVICES = Object.values(DatasourceService).map(service => new DatasourceServiceInfo(service));

/** Tells what connections can reach. */
@Resolver()
export class DatasourceServicesResolver {
  @Authorized<Role>('read')
  @Query(() => [DatasourceServiceInfo], {
    description: 'Every kind of service that a connection can reach, with all that a form for `url` needs.',
  })
  datasourceServices(): DatasourceServiceInfo[] {
    return SERVICES;
  }
}
