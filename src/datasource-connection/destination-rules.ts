import type { ValidationArguments } from 'class-validator';
import { ValidateBy } from 'class-validator';
import { DatasourceService } from '../dli/connection.js';
import { InputProblemCode, reports } from './input-problem.js';

/** The rule for the `url` of one kind of service. */
interface DestinationRule {
  /** Display name of the service. */
  label: string;
  /** A valid url. */
  example: string;
  /** Whether `url` may be a comma-separated list of `host:port`. */
  acceptsSeveral: boolean;
  /** Where to find the value; shown in forms. */
  hint: string;
}

/** Maximum length of `url` in characters. Source: docs/sources.md, classic connections. */
export const MAX_URL_LENGTH = 512;

/** The rule of each service. Source: table 3 of the same page and its figures. */
export const DESTINATION_RULES: Readonly<Record<DatasourceService, DestinationRule>> = {
  CLOUD_TABLE: {
    label: 'CloudTable HBase',
    example: 'zk1.mycloudtable.com:2181,zk2.mycloudtable.com:2181,zk3.mycloudtable.com:2181',
    acceptsSeveral: true,
    hint: 'The ZooKeeper link of the CloudTable cluster, as its page shows it.',
  },
  CLOUD_TABLE_OPENTSDB: {
    label: 'CloudTable OpenTSDB',
    example: 'opentsdb-3xcl8dir15m58z3.cloudtable.com:4242',
    acceptsSeveral: false,
    hint: 'The OpenTSDB link of the CloudTable cluster, or one OpenTSDB node with its port.',
  },
  MRS_OPENTSDB: {
    label: 'MRS OpenTSDB',
    example: '192.168.4.77:4242',
    acceptsSeveral: false,
    hint: 'The service IP of one TSD instance and the TSD port.',
  },
  DWS: {
    label: 'DWS',
    example: '192.168.1.248:8000',
    acceptsSeveral: false,
    hint: 'One private IP of the cluster and its port; not a JDBC address.',
  },
  RDS: {
    label: 'RDS',
    example: '192.168.0.12:3306',
    acceptsSeveral: false,
    hint: 'The private IP of the instance and its port; not a JDBC address.',
  },
  CSS: {
    label: 'CSS',
    example: '192.168.0.240:9200',
    acceptsSeveral: false,
    hint: 'The private IP of one node and its port; not an http address.',
  },
};

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
/** A regular expression for IPv4 addresses, without anchors. */
export const IPV4_PATTERN = `${OCTET}(?:\\.${OCTET}){3}`;
// Browsers compile `pattern` with the flag v, which requires - to be escaped in a class.
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?';
// A last label of digits only would be a mistyped IPv4 address.
const HOST_NAME = `(?:${LABEL}\\.)*(?![0-9]+:)${LABEL}`;
const PORT = '(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})';
const ADDRESS = `(?:${IPV4_PATTERN}|${HOST_NAME}):${PORT}`;

/** The regular expression for the url of a service, in the form of HTML's `pattern` attribute (without anchors). */
export function urlPatternOf(service: DatasourceService): string {
  return DESTINATION_RULES[service].acceptsSeveral ? `${ADDRESS}(?:,${ADDRESS})*` : ADDRESS;
}

/** The rule for the url of a service in one sentence without a full stop, with an example. */
export function urlRuleOf(service: DatasourceService): string {
  const { label, example, acceptsSeveral } = DESTINATION_RULES[service];
  const count = acceptsSeveral ? 'one or more host:port separated by commas' : 'exactly one host:port';
  return `For ${label}, url must be ${count}, at most ${MAX_URL_LENGTH} characters, for example ${example}`;
}

const URL_MATCHERS = Object.values(DatasourceService).map(
  service => [service, new RegExp(`^(?:${urlPatternOf(service)})$`)] as const,
);
const MATCHER_OF: ReadonlyMap<unknown, RegExp> = new Map(URL_MATCHERS);

function isDestinationOf(service: unknown, url: unknown): boolean {
  if (typeof url !== 'string') return false;
  // The length limit bounds the work of the regular expression. Another rule refuses longer values.
  return url.length > MAX_URL_LENGTH || (MATCHER_OF.get(service)?.test(url) ?? false);
}

/**
 * Property decorator that validates a url by the rule of the service in the sibling field `service`. Another rule
 * checks the length.
 */
export function IsDestinationOfService(): PropertyDecorator {
  const validate = (url: unknown, args?: ValidationArguments) => isDestinationOf(serviceOf(args), url);
  return ValidateBy(
    { name: 'isDestinationOfService', validator: { validate } },
    reports(InputProblemCode.WRONG_FORMAT, args => `${urlRuleOf(serviceOf(args))}.`),
  );
}

// GraphQL has already refused inputs without a valid service.
function serviceOf(args: ValidationArguments | undefined): DatasourceService {
  if (args === undefined) throw new TypeError('class-validator calls a rule with its arguments.');
  return (args.object as { service: DatasourceService }).service;
}
