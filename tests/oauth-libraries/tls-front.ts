import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createServer } from 'node:tls';
import type { Owner } from '../support/server-process.js';

/** An address at which a server without TLS is reached with TLS. */
export interface TlsFront {
  url: string;
  /** The file of the certificate, which clients must trust. */
  certificate: string;
}

/**
 * Starts TLS in front of the server at `target`: most OAuth libraries refuse plain http unless an option allows it. The
 * bytes inside are not changed, unlike nginx, whose site file also limits logins.
 */
export async function startTlsFront(t: Owner, target: string, folder: string): Promise<TlsFront> {
  const { certificate, key } = makeCertificate(folder);
  const options = { cert: readFileSync(certificate), key: readFileSync(key) };
  const front = createServer(options, (socket) => {
    const behind = connect(Number(new URL(target).port), '127.0.0.1');
    pipeline(socket, behind, socket, () => undefined);
  });
  await new Promise<void>((done) => front.listen(0, '127.0.0.1', done));
  t.teardown(() => front.close());
  return { url: `https://127.0.0.1:${(front.address() as AddressInfo).port}`, certificate };
}

function makeCertificate(folder: string): { certificate: string; key: string } {
  const certificate = join(folder, 'certificate.pem');
  const key = join(folder, 'key.pem');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', certificate, '-subj', '/CN=queuepass'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-addext', 'keyUsage=critical,digitalSignature,keyCertSign'],
    ],
    { stdio: 'ignore' },
  );
  return { certificate, key };
}
