import { z } from 'zod';
import type { ConnectionReader } from '../connection-reads/reader.js';
import type { DatasourceConnection } from './connection.type.js';
import type { ToConnectionType } from './page.type.js';
import { PublicError } from './public-error.js';
import { readContextOf } from './read.resolver.js';
import { toReadError } from './read-errors.js';
import type { RequestContext } from './request-context.js';

/** The maximum number of references of one request: as many as a page has connections. */
const MAX_REFERENCES = 100;

// A supergraph sends the name of the interface if another subgraph knows only the interface.
const referenceSchema = z.object({
  __typename: z.enum(['DatasourceConnection', 'ClassicDatasourceConnection', 'EnhancedDatasourceConnection']),
  id: z.string(),
});

const FORM =
  'A reference must have __typename, which is DatasourceConnection, ClassicDatasourceConnection or EnhancedDatasourceConnection, and id, a text.';

/** Resolves the references to connections that other subgraphs of a supergraph hold. */
export class ConnectionReferences {
  constructor(
    private readonly reader: Pick<ConnectionReader, 'getAll'>,
    private readonly toType: ToConnectionType,
  ) {}

  /**
   * The connections of references, in the same order, read together. A connection that does not exist is null; a
   * malformed reference yields an error in its place, with code BAD_USER_INPUT.
   *
   * @throws {PublicError} BAD_USER_INPUT for too many references, and the codes of reads
   */
  async resolve(
    representations: readonly unknown[],
    context: RequestContext,
  ): Promise<(DatasourceConnection | null | PublicError)[]> {
    if (representations.length > MAX_REFERENCES)
      throw new PublicError('BAD_USER_INPUT', `representations may have at most ${MAX_REFERENCES} items.`);
    const references = representations.map(each => referenceSchema.safeParse(each).data);
    const ids = references.flatMap(reference => reference?.id ?? []);
    try {
      const connections = await this.reader.getAll(ids, readContextOf(context));
      // Many requests may have waited for the same list.
      await context.nextTurn?.();
      return references.map(reference => {
        if (reference === undefined) return new PublicError('BAD_USER_INPUT', FORM);
        const connection = connections.get(reference.id.toLowerCase());
        return connection === undefined ? null : this.toType(connection);
      });
    } catch (error) {
      throw toReadError(error);
    }
  }
}
