/** One line of the gateway's log, with the fields that tests use. */
export interface LogLine {
  level: number;
  operation?: string;
  outcome?: string;
  detail?: string;
  errorType?: string;
  upstreamCode?: string;
  causeCode?: string;
  mayHaveBeenSent?: boolean;
  retryAfterSeconds?: number;
  msg: string;
}

/** The log lines of creates that were sent to DLI, one per attempt. */
export function attemptsIn(log: string): LogLine[] {
  const operations = ['createConnection', 'createEnhancedConnection'];
  return linesOf(log).filter(({ msg, operation = '' }) => msg === 'upstream' && operations.includes(operation));
}

/** The log lines with this message and these fields. */
export function linesWith(
  log: string,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): Record<string, unknown>[] {
  const wanted = Object.entries({ ...fields, msg: message });
  const lines: Record<string, unknown>[] = linesOf(log).map(line => ({ ...line }));
  return lines.filter(line => wanted.every(([name, value]) => line[name] === value));
}

/** The log lines about limits that start or stop applying. */
export function limitsIn(log: string): LogLine[] {
  const outcomes = ['BREAKER_OPENED', 'BREAKER_CLOSED', 'CREDENTIAL_STOPPED'];
  return linesOf(log).filter(({ outcome }) => outcome !== undefined && outcomes.includes(outcome));
}

/** The log lines that are not a JSON object, or longer than 2 KB. */
export function findBadLines(log: string): string[] {
  return log.split('\n').filter(line => line !== '' && (Buffer.byteLength(line) > 2_048 || !isObject(line)));
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

/** All lines of a log. */
export function linesOf(log: string): LogLine[] {
  return log
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as LogLine);
}
