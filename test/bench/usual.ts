/**
 * Entry point of the usual build: a conventional implementation of the gateway. Apollo's stand-alone server,
 * type-graphql with `validate: true`, class-validator, and ky with its defaults. No signing, no records.
 */
import 'reflect-metadata';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import ky, { HTTPError } from 'ky';
import { Arg, buildSchema, Mutation, Query, Resolver } from 'type-graphql';
import {
  CreateDatasourceConnectionInput,
  CreateDatasourceConnectionPayload,
  CreateDatasourceConnectionSuccess,
  DliRejectedError,
} from './usual-schema.js';

interface CreateAnswer {
  readonly message: string;
  readonly connection_id: string;
}

const { CREATE_URL: createUrl = '', HOST: host = '127.0.0.1', PORT } = process.env;

@Resolver()
class DatasourceConnectionResolver {
  @Query(() => Boolean)
  ping(): boolean {
    return true;
  }

  @Mutation(() => CreateDatasourceConnectionPayload)
  async createDatasourceConnection(
    @Arg('input', () => CreateDatasourceConnectionInput) input: CreateDatasourceConnectionInput,
  ): Promise<typeof CreateDatasourceConnectionPayload> {
    try {
      const answer = await ky
        .post(createUrl, {
          headers: { 'X-Auth-Token': 'benchmark-token' },
          json: {
            name: input.name,
            service: input.service,
            security_group_id: input.securityGroupId,
            network_id: input.networkId,
            url: input.url,
            ...(input.clusterName ? { cluster_name: input.clusterName } : {}),
            ...(input.tags ? { tags: input.tags } : {}),
          },
        })
        .json<CreateAnswer>();
      return new CreateDatasourceConnectionSuccess(answer.connection_id, answer.message || null);
    } catch (error) {
      if (error instanceof HTTPError) {
        return new DliRejectedError('DLI refused to create the connection.', String(error.response.status));
      }
      throw error;
    }
  }
}

const schema = await buildSchema({ resolvers: [DatasourceConnectionResolver], validate: true });
await startStandaloneServer(new ApolloServer({ schema }), {
  listen: { host, port: Number(PORT) },
});
