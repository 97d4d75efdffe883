const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;

/** A document of the issuer could not be read. The message is ours and names the reason, nothing of the answer. */
export class IssuerDocumentError extends Error {
  override readonly name = 'IssuerDocumentError';
}

/**
 * Reads a JSON document from the issuer of tokens: whole within 5 s, at most 256 KiB, not from where a redirect
 * leads, and without any credentials.
 *
 * @throws {IssuerDocumentError}
 */
export async function readIssuerDocument(url: URL): Promise<unknown> {
  // One signal for headers and body: an issuer that drips must not hold anybody up.
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      credentials: 'omit',
      signal,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new IssuerDocumentError(`the issuer answered ${response.status}`);
    }
    return JSON.parse(await readText(response));
  } catch (error) {
    if (error instanceof IssuerDocumentError) throw error;
    if (signal.aborted) throw new IssuerDocumentError('the issuer did not answer in time');
    if (error instanceof SyntaxError) throw new IssuerDocumentError('the issuer did not answer with JSON');
    throw new IssuerDocumentError(`the issuer cannot be reached (${systemCodeOf(error)})`);
  }
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new IssuerDocumentError('the issuer answered with more than 256 KiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

// fetch wraps the error of the system, whose code alone is fit for a log.
function systemCodeOf(error: unknown): string {
  const cause = propertyOf(error, 'cause');
  const code = propertyOf(cause, 'code');
  return typeof code === 'string' ? code : 'the connection broke';
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
