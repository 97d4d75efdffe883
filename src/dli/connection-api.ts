import type { BodyFilter } from '../huawei-cloud/response-collector.js';
import { CLASSIC_DECODER, isClassicNotFound } from './classic-responses.js';
import { ConnectionKind } from './connection.js';
import type { DecodedElements } from './decoded-elements.js';
import { withoutRepeats } from './decoded-elements.js';
import type { ListFilter } from './dli-client.js';
import type { CreateOperation, RepeatableOperation } from './dli-error.js';
import { ENHANCED_DECODER, isEnhancedNotFound } from './enhanced-responses.js';
import { HostsFilter } from './hosts-filter.js';
import { PAGE_SIZE, readAllPages } from './pages.js';
import type { ConnectionDecoder, DecodedResponse, DescribedConnection } from './responses.js';
import { readConnectionList, readPage } from './responses.js';

/** Sends one request for a list, and decodes the response; undefined makes it an error. */
type SendList = <T>(
  query: Readonly<Record<string, string>>,
  decode: (response: DecodedResponse) => T | undefined,
) => Promise<T>;

/** Options for reading a list. */
export interface ListOptions extends ListFilter {
  /** Whether deleted connections may be left out. DLI can do that for enhanced connections. */
  isLiveOnly?: boolean;
  /** The elements of the latest list, which need not be decoded again. */
  decoded?: DecodedElements | undefined;
}

/** The API of one kind of connections, except for the body of a create. */
export interface ConnectionApi {
  kind: ConnectionKind;
  /** The end of the path of a project's connections. */
  collection: string;
  /** The names of the operations in the log. */
  operations: Readonly<{
    create: CreateOperation;
    get: RepeatableOperation;
    list: RepeatableOperation;
    delete: RepeatableOperation;
  }>;
  decoder: ConnectionDecoder;
  /** Creates the filter of one response that describes connections. Default: no filter. */
  createFilter?: () => BodyFilter;
  /** Whether a response says that there is no such connection. */
  isNotFound(response: DecodedResponse): boolean;
  /** Reads all connections. If several have the same id, the first wins. */
  list(send: SendList, options: ListOptions): Promise<DescribedConnection[]>;
}

/** The API of classic connections. */
export const CLASSIC_API: ConnectionApi = {
  kind: ConnectionKind.CLASSIC,
  collection: 'datasource-connection',
  operations: {
    create: 'createConnection',
    get: 'getConnection',
    list: 'listConnections',
    delete: 'deleteConnection',
  },
  decoder: CLASSIC_DECODER,
  isNotFound: isClassicNotFound,
  list: (send, { tag, decoded }) =>
    send(tagQuery(tag), response => readConnectionList(response, CLASSIC_DECODER, decoded)),
};

/** The API of enhanced connections. */
export const ENHANCED_API: ConnectionApi = {
  kind: ConnectionKind.ENHANCED,
  collection: 'datasource/enhanced-connections',
  operations: {
    create: 'createEnhancedConnection',
    get: 'getEnhancedConnection',
    list: 'listEnhancedConnections',
    delete: 'deleteEnhancedConnection',
  },
  decoder: ENHANCED_DECODER,
  createFilter: () => new HostsFilter(),
  isNotFound: isEnhancedNotFound,
  async list(send, { tag, name, isLiveOnly }) {
    const filter = { ...(isLiveOnly && { status: 'ACTIVE' }), ...(name !== undefined && { name }), ...tagQuery(tag) };
    const connections = await readAllPages({
      readPage: offset =>
        send({ limit: `${PAGE_SIZE}`, offset: `${offset}`, ...filter }, response =>
          readPage(response, ENHANCED_DECODER, { offset, limit: PAGE_SIZE }),
        ),
      idOf: ({ id }) => id?.toLowerCase() ?? null,
    });
    return withoutRepeats(connections);
  },
};

function tagQuery(tag: ListFilter['tag']): { tags?: string } {
  return tag === undefined ? {} : { tags: `${tag.key}=${tag.value}` };
}
