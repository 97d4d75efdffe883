/** The access key that the emulator accepts by default. Published and worthless on purpose. */
export const DEFAULT_ACCESS_KEY = 'EMULATORACCESSKEY001';
/** The secret key of {@link DEFAULT_ACCESS_KEY}. Published and worthless on purpose. */
export const DEFAULT_SECRET_KEY = 'EmulatorSecretKeyNotRealNotRealNotReal00';
/** The IAM user that the emulator knows by default. */
export const DEFAULT_USER_NAME = 'emulator-user';
/** The password of {@link DEFAULT_USER_NAME}. Published and worthless on purpose. */
export const DEFAULT_PASSWORD = 'emulator-password-not-real';
/** The account (IAM domain) of {@link DEFAULT_USER_NAME}. */
export const DEFAULT_DOMAIN_NAME = 'emulator-account';
/** The id of the only project by default; it is the example id of the vendor's manual. */
export const DEFAULT_PROJECT_ID = '48cc2c48765f481480c7db940d6409d1';
/** The name of the only project by default; built-in projects are named after their region. */
export const DEFAULT_PROJECT_NAME = 'cn-north-4';

/** A project that exists in the emulated account. */
export interface EmulatorProject {
  readonly id: string;
  readonly name: string;
}

/** A key pair that may sign requests; with `securityToken` it is a temporary one and useless without that token. */
export interface EmulatorAccessKey {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly securityToken?: string;
}

/** An IAM user who may ask for tokens by password. */
export interface EmulatorUser {
  readonly name: string;
  readonly password: string;
  readonly domainName: string;
}

/**
 * The manuals whose answers differ: 2018 has neither service nor time and a misspelt key, 2019 no queues and no count,
 * 2021 queues in get and list, 2024 only their names in the list.
 */
type AnswerStyle = '2018' | '2019' | '2021' | '2024';

/** What of the emulator's behaviour can be changed while it runs. */
export interface EmulatorSettings {
  /** Milliseconds from CREATING to ACTIVE (or FAILED), for connections created from now on. Default 3000; 0 = at once. */
  creationMs: number;
  /** Source of a regular expression; a connection whose name matches ends FAILED. Default `^fail`; empty = none. */
  failNames: string;
  /** Is a second living connection of the same name refused with DLI.0006? Default true. Not documented by the vendor. */
  uniqueNames: boolean;
  /** Life of an issued token in milliseconds. Default 24 hours. */
  tokenLifetimeMs: number;
  /** Milliseconds for which a deleted connection stays visible as DELETED. Default for ever (`Infinity`). */
  tombstoneMs: number;
  /** Consecutive failures after which an access key is locked for 5 minutes. Default 0 = never. */
  lockAfterFailures: number;
  /** What a FAILED connection gives as its reason. Default `Can't get ready router.`, the vendor's example. */
  failureReason: string;
  /** In how many steps the progress of a creation is told. Default 0: smoothly. */
  creationSteps: number;
  /** Whose documented answers get and list imitate, by the year of the manual. Default `2024`. */
  answerStyle: AnswerStyle;
  /** How a get and a delete of an unknown connection are refused; no page documents it. Default `DLI.0001`. */
  notFoundError: 'DLI.0001' | 'DLI.0002' | 'DLI.0023';
  /** Under which name the id inside `available_queue_info` is sent; both are documented. Default `uuid`; 2021 always has `peer_id`. */
  queueInfoKey: 'uuid' | 'peer_id';
  /** What becomes of the list's `tags` filter, which no help page documents. Default `honoured`. */
  tagFilter: 'honoured' | 'ignored' | 'refused';
  /** Milliseconds after which a new connection appears in the list; a get finds it at once. Default 0. */
  listLagMs: number;
}

/** Everything that can be chosen when an emulator is made. */
export interface EmulatorOptions extends EmulatorSettings {
  /** Default: one project, {@link DEFAULT_PROJECT_ID} named {@link DEFAULT_PROJECT_NAME}. */
  projects: readonly EmulatorProject[];
  /** Default: one permanent pair, {@link DEFAULT_ACCESS_KEY} and {@link DEFAULT_SECRET_KEY}. */
  accessKeys: readonly EmulatorAccessKey[];
  /** Default: {@link DEFAULT_USER_NAME} of {@link DEFAULT_DOMAIN_NAME} with {@link DEFAULT_PASSWORD}. */
  users: readonly EmulatorUser[];
  /** The clock, in milliseconds since the epoch. Default `Date.now`. Scripted delays do not follow it. */
  now: () => number;
}

/** All options, the given ones over the defaults. The result is the caller's to change. */
export function resolveOptions(options: Partial<EmulatorOptions> = {}): EmulatorOptions {
  return {
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
    queueInfoKey: 'uuid',
    tagFilter: 'honoured',
    listLagMs: 0,
    projects: [{ id: DEFAULT_PROJECT_ID, name: DEFAULT_PROJECT_NAME }],
    accessKeys: [{ accessKey: DEFAULT_ACCESS_KEY, secretKey: DEFAULT_SECRET_KEY }],
    users: [{ name: DEFAULT_USER_NAME, password: DEFAULT_PASSWORD, domainName: DEFAULT_DOMAIN_NAME }],
    now: Date.now,
    ...options,
  };
}
