import { z } from 'zod';
import { isCidr } from './resources.js';

/**
 * Year of the manual whose responses are emulated: 2018 has no service, no time and a misspelt key; 2019 has no queues
 * and no count; 2021 has queues in get and list; 2024 has only their names in the list.
 */
export const ANSWER_STYLES = ['2018', '2019', '2021', '2024'] as const;
/** As a create sends them, as texts like `key=value`, or as one object. */
const TAG_STYLES = ['none', 'objects', 'texts', 'map'] as const;
/** The codes with which an unknown connection can be refused. */
export const NOT_FOUND_ERRORS = ['DLI.0001', 'DLI.0002', 'DLI.0023'] as const;

/** The range of a subnet that `subnetCidrs` does not name. */
export const DEFAULT_SUBNET_CIDR = '192.168.0.0/24';

const durationMs = z.number().min(0);

/** Settings that can be changed while the emulator runs. */
const settings = z.strictObject({
  /** Duration of a creation in milliseconds, for connections created from now on. Default 3000; 0 = immediate. */
  creationMs: durationMs,
  /** Regular expression: the creation of a connection with a matching name fails. Default `^fail`; empty = none. */
  failNames: z.string().refine(isRegExp, 'is not a regular expression'),
  /** Whether a name in use is refused with DLI.0006. Default true. Not documented by the vendor. */
  uniqueNames: z.boolean(),
  /** Lifetime of an issued token in milliseconds. Default 24 hours. */
  tokenLifetimeMs: durationMs,
  /** Milliseconds for which a deleted connection stays visible as DELETED. Default `Infinity`. */
  tombstoneMs: durationMs.nullable().transform(value => value ?? Number.POSITIVE_INFINITY),
  /** Consecutive failures after which an access key is locked for 5 minutes. Default 0 = never. */
  lockAfterFailures: z.int().min(0),
  /** Message of a FAILED connection. Default `Can't get ready router.`, the vendor's example. */
  failureReason: z.string(),
  /** Number of steps in which the progress of a creation is reported. Default 0: continuous. */
  creationSteps: z.int().min(0),
  /** The manual whose get and list responses are emulated. Default `2024`. */
  answerStyle: z.enum(ANSWER_STYLES),
  /** Error of a get or delete of an unknown connection; not documented. Default `DLI.0001`. */
  notFoundError: z.enum(NOT_FOUND_ERRORS),
  /** Message of that error; `{id}` stands for the id. Default: that of DLI's API for enhanced connections. */
  notFoundMessage: z.string(),
  /** Whether get and list print numbers as text. Not documented. Default false. */
  numbersAsText: z.boolean(),
  /** Whether the list has every connection twice. Not documented. Default false. */
  listTwice: z.boolean(),
  /** Key of the id in `available_queue_info`; both are documented. Default `uuid`; 2021 always has `peer_id`. */
  queueInfoKey: z.enum(['uuid', 'peer_id']),
  /** Whether and how get and list report tags, which no manual says they do. Default `none`. */
  tagStyle: z.enum(TAG_STYLES),
  /** How the `tags` filter of the list is treated; not documented. Default `honoured`. */
  tagFilter: z.enum(['honoured', 'ignored', 'refused']),
  /** Milliseconds until a new connection appears in the list; a get finds it immediately. Default 0. */
  listLagMs: durationMs,
  /** Whether the classic API is offered; if not, its paths get a 404 with APIGW.0101. Default true. */
  classicOffered: z.boolean(),
  /** Whether the enhanced API is offered, in the same way. Default true. */
  enhancedOffered: z.boolean(),
  /** Whether the lists of elastic resource pools and queues are offered, in the same way. Default true. */
  poolsOffered: z.boolean(),
  /** Milliseconds until a binding is ACTIVE or FAILED, for bindings made from now on. Default 2000; 0 = immediate. */
  peeringMs: durationMs,
  /** Regular expression: bindings of matching pools and queues stay CREATING. Default: empty = none. */
  stuckResources: z.string().refine(isRegExp, 'is not a regular expression'),
  /** Ranges of subnets by network id. Default: none; a subnet without an entry has {@link DEFAULT_SUBNET_CIDR}. */
  subnetCidrs: z.record(z.string(), z.string().refine(isCidr, 'is not an address range')),
  /** Whether DLI may read the subnet; if not, bindings made from now on fail. Default true. */
  agencyPermission: z.boolean(),
  /** Whether the names before a refused one are bound or unbound. Not documented. Default true; false: none are. */
  partialBinding: z.boolean(),
  /** Order of the enhanced list by creation, which is not documented; `shuffled` is by id. Default `oldestFirst`. */
  enhancedListOrder: z.enum(['oldestFirst', 'newestFirst', 'shuffled']),
  /** Whether get and list of enhanced connections have the undocumented `routes`. Default true. */
  routesShown: z.boolean(),
  /** Key of the project in privileges: the documented one or that of Terraform. Default `applicant_project_id`. */
  privilegeKey: z.enum(['applicant_project_id', 'project_id']),
});

/** Settings that can be changed while the emulator runs. */
export type EmulatorSettings = z.output<typeof settings>;

/** Schema of a settings change in the control API. Unknown keys are refused; `tombstoneMs: null` means `Infinity`. */
export const settingsSchema = settings.partial();

/** The defaults of all settings. */
export const DEFAULT_SETTINGS: EmulatorSettings = {
  creationMs: 3_000,
  failNames: '^fail',
  uniqueNames: true,
  tokenLifetimeMs: 24 * 60 * 60 * 1_000,
  tombstoneMs: Number.POSITIVE_INFINITY,
  lockAfterFailures: 0,
  failureReason: "Can't get ready router.",
  creationSteps: 0,
  answerStyle: '2024',
  notFoundError: 'DLI.0001',
  // The exact text, including its grammar, of DLI's API for enhanced connections.
  notFoundMessage: 'Connection {id} is not exist',
  numbersAsText: false,
  listTwice: false,
  queueInfoKey: 'uuid',
  tagStyle: 'none',
  tagFilter: 'honoured',
  listLagMs: 0,
  classicOffered: true,
  enhancedOffered: true,
  poolsOffered: true,
  peeringMs: 2_000,
  stuckResources: '',
  subnetCidrs: {},
  agencyPermission: true,
  partialBinding: true,
  enhancedListOrder: 'oldestFirst',
  routesShown: true,
  privilegeKey: 'applicant_project_id',
};

/** Returns the current settings in the format of {@link settingsSchema}. */
export function currentSettings(options: EmulatorSettings): object {
  const keys = Object.keys(settingsSchema.shape) as (keyof EmulatorSettings)[];
  // JSON turns an infinite `tombstoneMs` into null.
  return Object.fromEntries(keys.map(key => [key, options[key]]));
}

/** Whether a text is a regular expression. */
export function isRegExp(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}

/** Formats the problems of an input, each prefixed with the invalid key. */
export function describeProblems(error: z.ZodError): string[] {
  return error.issues.map(issue => {
    const path = issue.path.join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
}
