import { parseArgs } from 'node:util';

/** The command that the command line selects. */
export type Command =
  | { name: 'start'; isDevelopment: boolean }
  | { name: 'help' }
  | { name: 'version' }
  | { name: 'checkConfig'; isOnline: boolean }
  | { name: 'printConfig' };

/** The command line is wrong. The message quotes flags, but no values. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The output of `--help`. */
export const HELP = `Usage: node dist/main.js [--dev | --check-config [--online] | --print-config | --help | --version]

Without a flag, starts the gateway. Environment variables configure it: docs/configuration.md and .env.example describe
them, and docs/configuration.schema.json is their JSON schema.

  --dev            start with an embedded emulator of DLI, on loopback only
  --check-config   check variables, secret files, trusted documents and certificates, and exit; uses no network
  --online         with --check-config: also sign in, read the list of connections once, fetch the keys of the issuer
                   if callers need tokens, and open the store of operation records
  --print-config   print every variable with its effective value and where it comes from, without secrets, and exit
  --help           print this, and exit
  --version        print the versions of the gateway and of Node, and exit

Exit codes:
   0  stopped on request, or nothing was wrong
  64  the command line is wrong
  69  it cannot listen on its address, or a check of --online failed
  70  a bug
  74  lines of the audit log were lost
  78  the configuration is invalid
  130, 143  a second SIGINT or SIGTERM ended it
`;

const OPTIONS = {
  dev: { type: 'boolean' },
  'check-config': { type: 'boolean' },
  online: { type: 'boolean' },
  'print-config': { type: 'boolean' },
  help: { type: 'boolean' },
  version: { type: 'boolean' },
} as const;

/**
 * Parses the arguments of the program.
 *
 * @throws {UsageError} for unknown flags, anything that is not a flag, and flags that exclude each other
 */
export function parseCommandLine(args: readonly string[]): Command {
  const { online: isOnline = false, ...flags } = parseFlags(args);
  const [flag, other] = Object.keys(flags);
  if (other !== undefined) throw new UsageError(`--${flag} and --${other} exclude each other`);
  if (isOnline && flag !== 'check-config') throw new UsageError('--online needs --check-config');
  if (flags.help) return { name: 'help' };
  if (flags.version) return { name: 'version' };
  if (flags['check-config']) return { name: 'checkConfig', isOnline };
  if (flags['print-config']) return { name: 'printConfig' };
  return { name: 'start', isDevelopment: flags.dev === true };
}

function parseFlags(args: readonly string[]) {
  try {
    return { ...parseArgs({ args: [...args], options: OPTIONS, strict: true }).values };
  } catch (error) {
    throw new UsageError(describe(error));
  }
}

// An argument that is not a flag may be a secret that was meant for a variable.
function describe(error: unknown): string {
  const { code = '', message = '' } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  const flag = /'(?:-\w, )?(--?[\w-]+)/.exec(message)?.[1];
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && flag !== undefined) return `unknown flag ${flag}`;
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' && flag !== undefined) return `${flag} takes no value`;
  return 'it takes flags only';
}
