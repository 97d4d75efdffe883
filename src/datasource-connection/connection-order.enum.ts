import { registerEnumType } from 'type-graphql';
import { ConnectionOrder } from '../connection-reads/list-page.js';

registerEnumType(ConnectionOrder, {
  name: 'DatasourceConnectionOrder',
  description: 'The order of a list. Equals are ordered by id.',
  valuesConfig: {
    NEWEST_FIRST: { description: 'By time of creation, the latest first.' },
    OLDEST_FIRST: { description: 'By time of creation, the earliest first.' },
    NAME: { description: 'By name, without regard to case.' },
  },
});

export { ConnectionOrder };
