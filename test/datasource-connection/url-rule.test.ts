import { describe, expect, it } from '@jest/globals';
import type { TestGateway } from '../helpers/gateway.js';
import { shareGateway } from '../helpers/shared-gateway.js';

interface Service {
  service: string;
  urlRule: string;
  urlExample: string;
  urlMaxLength: number;
  urlAcceptsSeveral: boolean;
}

const ONE_ADDRESS_SERVICES = ['CLOUD_TABLE_OPENTSDB', 'MRS_OPENTSDB', 'DWS', 'RDS', 'CSS'];
const EXAMPLES = {
  CLOUD_TABLE: 'zk1.mycloudtable.com:2181,zk2.mycloudtable.com:2181,zk3.mycloudtable.com:2181',
  CLOUD_TABLE_OPENTSDB: 'opentsdb-3xcl8dir15m58z3.cloudtable.com:4242',
  MRS_OPENTSDB: '192.168.4.77:4242',
  DWS: '192.168.1.248:8000',
  RDS: '192.168.0.12:3306',
  CSS: '192.168.0.240:9200',
};
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

async function servicesOf(gateway: TestGateway): Promise<Service[]> {
  const { body } = await gateway.send({
    query: '{ datasourceServices { service urlRule urlExample urlMaxLength urlAcceptsSeveral } }',
  });
  return body.data?.['datasourceServices'] as Service[];
}
