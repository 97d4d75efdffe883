import { describe, expect, it } from '@jest/globals';
import { shareGateway } from '../helpers/shared-gateway.js';

const SERVICES = ['CLOUD_TABLE', 'CLOUD_TABLE_OPENTSDB', 'MRS_OPENTSDB', 'DWS', 'RDS', 'CSS'];
const ONE_ADDRESS = [
  'opentsdb-3xcl8dir15m58z3.cloudtable.com:4242',
  '192.168.1.248:8000',
  'h:1',
  '0.0.0.0:9',
  'a-b.example.com:65535',
  '1a:80',
  'a1.2b:80',
];
const SEVERAL_ADDRESSES = ['zk1.mycloudtable.com:2181,zk2.mycloudtable.com:2181', 'a:1,1.1.1.1:2,b:3'];
const BAD_ADDRESSES = [
  'jdbc:postgresql://192.168.1.248:8000/postgres',
  'http://192.168.0.240:9200',
  'https://192.168.0.240:9200',
  'user:pw@192.168.0.12:3306',
  'user@192.168.0.12:3306',
  ' 192.168.0.12:3306',
  '192.168.0.12:3306 ',
  '192.168.0.12 :3306',
  '192.168.0.12:3306\n',
  '192.168.0.12',
  '192.168.0.12:',
  ':3306',
  '192.168.0.12:0',
  '192.168.0.12:03306',
  '192.168.0.12:65536',
  '192.168.0.12:99999',
  '192.168.0.12:-1',
  '192.168.0.12:3306/db',
  '192.168.0.12:3306?a=b',
  '999.1.1.1:3306',
  '1.1.1.256:3306',
  '1.1.1:3306',
  '01.1.1.1:3306',
  '[::1]:3306',
  '::1:3306',
  '-a:3306',
  'a-:3306',
  'a..b:3306',
  'a.:3306',
  'a_b:3306',
  'b\u00fccher.example:3306',
  `${'a'.repeat(64)}:3306`,
  '192.168.0.12:3306,',
  ',192.168.0.12:3306',
  '192.168.0.12:3306,,192.168.0.13:3306',
  '192.168.0.12:3306;192.168.0.13:3306',
  '192.168.0.12:3306, 192.168.0.13:3306',
];
const SLOW_TO_REFUSE = [
  'a'.repeat(512),
  'a-'.repeat(256),
  'a.'.repeat(256),
  '1.'.repeat(256),
  `${'1.1.1.1:1,'.repeat(51)}!!`,
  `${`${'a'.repeat(63)}.`.repeat(8)}`,
  `${'a'.repeat(62)}-`.repeat(8).padEnd(512, '-'),
];

const shared = shareGateway();

describe('the urlPattern of a service', () => {
  it.each(SERVICES)('for %s matches in a browser exactly what the mutation accepts', async service => {
    const gateway = shared();
    const { body } = await gateway.send({ query: '{ datasourceServices { service urlPattern } }' });
    const services = body.data?.['datasourceServices'] as { service: string; urlPattern: string }[];
    const pattern = services.find(candidate => candidate.service === service)?.urlPattern;
    const urls = [...ONE_ADDRESS, ...SEVERAL_ADDRESSES, ...BAD_ADDRESSES, ...SLOW_TO_REFUSE];
    const accepted: string[] = [];
    for (const [index, url] of urls.entries()) {
      const { __typename } = await gateway.create({ name: `n${index}`, service, url });
      if (__typename === 'CreateDatasourceConnectionSuccess') accepted.push(url);
      else expect({ url, __typename }).toEqual({ url, __typename: 'InvalidInputError' });
    }

    expect(accepted).toEqual(service === 'CLOUD_TABLE' ? [...ONE_ADDRESS, ...SEVERAL_ADDRESSES] : ONE_ADDRESS);
    for (const flag of ['v', 'u']) {
      expect(urls.filter(url => new RegExp(`^(?:${pattern})$`, flag).test(url))).toEqual(accepted);
    }
    expect(gateway.emulator.ledger.count()).toBe(accepted.length);
  });
});
