/** One line of the gateway's log, with the fields that tests use. */
export interface LogLine {
  level: number;
  operation?: string;
  outcome?: string;
  detail?: string;
  upstreamCode?: string;
  causeCode?: string;
  mayHaveBeenSent?: boolean;
  retryAfterSeconds?: number;
  msg: string;
}

/** The log lines of creates, one per attempt. */
export function attemptsIn(log: string): LogLine[] {
  return linesOf(log).filter(({ msg }) => msg === 'create attempted');
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
