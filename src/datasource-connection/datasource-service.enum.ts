import { registerEnumType } from 'type-graphql';
import { DatasourceService } from '../dli/connection.js';

registerEnumType(DatasourceService, {
  name: 'DatasourceService',
  description: 'The kind of service that a connection reaches.',
  valuesConfig: {
    CLOUD_TABLE: { description: 'CloudTable HBase, reached through its ZooKeeper link.' },
    CLOUD_TABLE_OPENTSDB: { description: 'OpenTSDB of CloudTable.' },
    MRS_OPENTSDB: { description: 'OpenTSDB of MapReduce Service (MRS).' },
    DWS: { description: 'Data Warehouse Service (DWS).' },
    RDS: { description: 'Relational Database Service (RDS): MySQL or PostgreSQL.' },
    CSS: { description: 'Cloud Search Service (CSS), Elasticsearch.' },
  },
});

export { DatasourceService };
