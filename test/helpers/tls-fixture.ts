import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// A key that protects nothing, with certificates that only a test trusts; their one name is 127.0.0.1.
const DIRECTORY = new URL('../fixtures/', import.meta.url);

/** Path of the certificate that is valid until 2120, to be trusted through NODE_EXTRA_CA_CERTS. */
export const TEST_CERTIFICATE_PATH = fileURLToPath(new URL('throw-away-tls.cert.pem', DIRECTORY));

/** Path of its key. */
export const TEST_KEY_PATH = fileURLToPath(new URL('throw-away-tls.key.pem', DIRECTORY));

/** TLS server options with the certificate, or with one that expired in 2020. */
export function tlsFixture(validity: 'valid' | 'expired' = 'valid'): { key: string; cert: string } {
  const cert = validity === 'valid' ? 'throw-away-tls.cert.pem' : 'throw-away-tls-expired.cert.pem';
  return { key: read('throw-away-tls.key.pem'), cert: read(cert) };
}

function read(name: string): string {
  return readFileSync(new URL(name, DIRECTORY), 'utf8');
}
