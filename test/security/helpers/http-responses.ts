/** An HTTP response as it was read from a connection. */
interface RawResponse {
  status: number;
  headers: ReadonlyMap<string, string>;
  body: string;
}

/** The responses on one connection, and why the bytes after them are not a response. */
interface ReadResponses {
  responses: RawResponse[];
  /** Undefined when all bytes were read. */
  problem: string | undefined;
}

const STATUS_LINE = /^HTTP\/1\.1 ([1-5][0-9]{2}) [\x20-\x7e]*$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*?)[ \t]*$/;
const HEAD_END = '\r\n\r\n';

/**
 * Reads all responses on a connection according to RFC 9112. Anything after an upgrade is not read.
 *
 * @param mayLackBody whether one of the requests may be a HEAD
 */
export function readResponses(bytes: Buffer, mayLackBody: boolean): ReadResponses {
  let rest = bytes.toString('latin1');
  const responses: RawResponse[] = [];
  while (rest !== '') {
    const end = rest.indexOf(HEAD_END);
    if (end === -1) return { responses, problem: `an incomplete head: ${rest.slice(0, 200)}` };
    const [statusLine = '', ...lines] = rest.slice(0, end).split('\r\n');
    const status = Number(STATUS_LINE.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) return { responses, problem: `not a status line: ${statusLine.slice(0, 200)}` };
    const headers = new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = HEADER.exec(line) ?? [];
      if (name === undefined || value === undefined) return { responses, problem: `not a header: ${line}` };
      headers.set(name.toLowerCase(), value);
    }
    rest = rest.slice(end + HEAD_END.length);
    // The method of a request that cannot be parsed is not known, so the response may have a body.
    const hasBody = (!mayLackBody || rest.startsWith('{')) && status >= 200 && status !== 204 && status !== 304;
    const read = hasBody ? readBody(rest, headers) : { body: '', rest };
    if (read === undefined) return { responses, problem: `an incomplete body of status ${status}` };
    responses.push({ status, headers, body: Buffer.from(read.body, 'latin1').toString('utf8') });
    if (status === 101) return { responses, problem: undefined };
    rest = read.rest;
  }
  return { responses, problem: undefined };
}

function readBody(text: string, headers: ReadonlyMap<string, string>): { body: string; rest: string } | undefined {
  const length = headers.get('content-length');
  const coding = headers.get('transfer-encoding');
  if (length !== undefined && coding !== undefined) return undefined;
  if (length !== undefined) {
    const bytes = Number(length);
    return text.length < bytes ? undefined : { body: text.slice(0, bytes), rest: text.slice(bytes) };
  }
  if (coding === undefined) return { body: text, rest: '' };
  let body = '';
  for (let rest = text; ; ) {
    const [line, size] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? [];
    if (line === undefined || size === undefined) return undefined;
    const bytes = Number.parseInt(size, 16);
    const chunk = rest.slice(line.length, line.length + bytes);
    rest = rest.slice(line.length + bytes);
    if (chunk.length < bytes || !rest.startsWith('\r\n')) return undefined;
    rest = rest.slice(2);
    if (bytes === 0) return { body, rest };
    body += chunk;
  }
}
