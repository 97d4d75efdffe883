import { describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { proofSize } from '../helpers/proof-size.js';
import { shareGateway } from '../helpers/shared-gateway.js';

interface Service {
  service: string;
  urlPattern: string;
  urlRule: string;
  urlExample: string;
  urlMaxLength: number;
  urlAcceptsSeveral: boolean;
}

const EXAMPLES = {
  CLOUD_TABLE: 'zk1.mycloudtable.com:2181,zk2.mycloudtable.com:2181,zk3.mycloudtable.com:2181',
  CLOUD_TABLE_OPENTSDB: 'opentsdb-3xcl8dir15m58z3.cloudtable.com:4242',
  MRS_OPENTSDB: '192.168.4.77:4242',
  DWS: '192.168.1.248:8000',
  RDS: '192.168.0.12:3306',
  CSS: '192.168.0.240:9200',
};
const ONE_ADDRESS_SERVICES = ['CLOUD_TABLE_OPENTSDB', 'MRS_OPENTSDB', 'DWS', 'RDS', 'CSS'];
const SERVICES = ['CLOUD_TABLE', ...ONE_ADDRESS_SERVICES];
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

const URLS = [...ONE_ADDRESS, ...SEVERAL_ADDRESSES, ...BAD_ADDRESSES, ...SLOW_TO_REFUSE];
/** Services with one address share a rule, so each of them is tried with only a share of the bad URLs. */
const SHARES = proofSize(5, 1);

const shared = shareGateway();

describe('the rule for url', () => {
  it('is listed for each service with an example', async () => {
    const services = await servicesOf(shared());

    expect(Object.fromEntries(services.map(({ service, urlExample }) => [service, urlExample]))).toEqual(EXAMPLES);
    expect(services.filter(({ urlAcceptsSeveral }) => urlAcceptsSeveral).map(({ service }) => service)).toEqual([
      'CLOUD_TABLE',
    ]);
    expect(services.map(({ urlMaxLength }) => urlMaxLength)).toEqual([512, 512, 512, 512, 512, 512]);
  });

  it.each(Object.entries(EXAMPLES))('accepts for %s its own example %s', async (service, url) => {
    const gateway = shared();

    expect(await gateway.create({ service, url })).toMatchObject({
      __typename: 'CreateDatasourceConnectionSuccess',
    });
  });

  it.each(ONE_ADDRESS_SERVICES)('refuses several addresses for %s', async service => {
    const gateway = shared();
    const payload = await gateway.create({ service, url: '192.168.1.248:8000,192.168.1.15:8000' });

    expect(payload).toMatchObject({ __typename: 'InvalidInputError', problems: [{ path: ['url'] }] });
    expect(gateway.emulator.ledger.count()).toBe(0);
  });

  it.each(Object.entries(EXAMPLES))('for %s appears in the error with the example %s', async (service, example) => {
    const gateway = shared();
    const rule = (await servicesOf(gateway)).find(info => info.service === service)?.urlRule;
    const { problems } = await gateway.create({ service, url: 'jdbc:x' });

    expect(problems).toEqual([{ path: ['url'], code: 'WRONG_FORMAT', message: rule, limit: null }]);
    expect(rule).toContain(example);
  });

  it.each([
    [512, 'CreateDatasourceConnectionSuccess'],
    [513, 'InvalidInputError'],
  ])('for a list of addresses of %i characters results in %s', async (length, __typename) => {
    const gateway = shared();
    const url = `${'zk.example.com:2181,'.repeat(25)}${'z'.repeat(length - 505)}:2181`;

    expect(url).toHaveLength(length);
    expect(await gateway.create({ service: 'CLOUD_TABLE', url })).toMatchObject({ __typename });
  });
});

describe('the urlPattern of a service', () => {
  it.each(SERVICES)('for %s matches in a browser exactly what the mutation accepts', async service => {
    const gateway = shared();
    const pattern = (await servicesOf(gateway)).find(candidate => candidate.service === service)?.urlPattern;
    const valid = service === 'CLOUD_TABLE' ? [...ONE_ADDRESS, ...SEVERAL_ADDRESSES] : ONE_ADDRESS;
    const shares = service === 'CLOUD_TABLE' ? 1 : SHARES;
    const tried = URLS.filter(
      (url, index) =>
        valid.includes(url) || SEVERAL_ADDRESSES.includes(url) || (index - SERVICES.indexOf(service)) % shares === 0,
    );
    const accepted: string[] = [];
    for (const [index, url] of tried.entries()) {
      const { __typename } = await gateway.create({ name: `n${index}`, service, url });
      if (__typename === 'CreateDatasourceConnectionSuccess') accepted.push(url);
      else expect({ url, __typename }).toEqual({ url, __typename: 'InvalidInputError' });
    }

    expect(accepted).toEqual(valid);
    for (const flag of ['v', 'u']) {
      expect(URLS.filter(url => new RegExp(`^(?:${pattern})$`, flag).test(url))).toEqual(valid);
    }
    expect(gateway.emulator.ledger.count()).toBe(accepted.length);
  });
});

async function servicesOf(gateway: TestGateway): Promise<Service[]> {
  const { body } = await gateway.send({
    query: '{ datasourceServices { service urlPattern urlRule urlExample urlMaxLength urlAcceptsSeveral } }',
  });
  return body.data?.['datasourceServices'] as Service[];
}
