import { registerEnumType } from 'type-graphql';
import { ConnectionState } from '../dli/connection.js';

registerEnumType(ConnectionState, {
  name: 'DatasourceConnectionState',
  description: 'Where a connection, or its part in a queue, stands. Values may be added.',
  valuesConfig: {
    CREATING: { description: 'DLI is making it, which takes minutes. It cannot be used or deleted yet.' },
    ACTIVE: { description: 'It can be used.' },
    FAILED: { description: 'It could not be made; `failureReason` says why. It can be deleted.' },
    DELETED: { description: 'It was deleted. DLI still knows of it for a while.' },
    UNKNOWN: { description: 'DLI uses a word that is none of these; `stateText` has it.' },
  },
});

export { ConnectionState };
