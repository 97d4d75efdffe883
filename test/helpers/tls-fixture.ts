import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// A key that protects nothing, with certificates that only tests trust. Their only name is 127.0.0.1 unless a
// comment says otherwise.
const DIRECTORY = new URL('../fixtures/', import.meta.url);

/** Path of the certificate that is valid until 2120, to be trusted through NODE_EXTRA_CA_CERTS. */
export const TEST_CERTIFICATE_PATH = fileURLToPath(new URL('throw-away-tls.cert.pem', DIRECTORY));

/** Path of its key. */
export const TEST_KEY_PATH = fileURLToPath(new URL('throw-away-tls.key.pem', DIRECTORY));

const FILES = {
  valid: 'throw-away-tls.cert.pem',
  expired: 'throw-away-tls-expired.cert.pem',
  // For dli.test, iam.test and issuer.test.
  hosts: 'throw-away-tls-hosts.cert.pem',
  // For the same names, by another authority.
  interceptor: 'throw-away-tls-interceptor.cert.pem',
};

/** TLS server options with the certificate, or with another one, such as one that expired in 2020. */
export function tlsFixture(certificate: keyof typeof FILES = 'valid'): { key: string; cert: string } {
  return { key: read('throw-away-tls.key.pem'), cert: read(FILES[certificate]) };
}

function read(name: string): string {
  return readFileSync(new URL(name, DIRECTORY), 'utf8');
}
