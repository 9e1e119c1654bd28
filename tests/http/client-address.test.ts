import type { IncomingMessage } from 'node:http';
import test from 'ava';
import type { TrustedProxies } from '../../server/config/setting-types.js';
import { createClientAddressReader } from '../../server/http/client-address.js';

function sourceOf(
  trusted: TrustedProxies,
  forwarded: string | undefined,
  peer: string | undefined = '10.0.0.1',
): string {
  const request = { socket: { remoteAddress: peer }, headers: { 'x-forwarded-for': forwarded } };
  return createClientAddressReader(trusted, () => undefined)(request as unknown as IncomingMessage).source;
}

test('without a trusted proxy the peer is the source, whatever X-Forwarded-For says', (t) => {
  t.is(sourceOf(0, '6.6.6.6'), '10.0.0.1');
});

test('as many hops of X-Forwarded-For are used as proxies are trusted', (t) => {
  t.is(sourceOf(1, '6.6.6.6, 192.0.2.1'), '192.0.2.1');
  t.is(sourceOf(2, '6.6.6.6, 192.0.2.1, 10.0.0.2'), '192.0.2.1');
  t.is(sourceOf(2, '192.0.2.1'), '192.0.2.1');
  t.is(sourceOf(1, undefined), '10.0.0.1');
});

test('proxies in trusted networks are skipped, up to the first address outside them', (t) => {
  t.is(sourceOf(['10.0.0.0/8'], '6.6.6.6, 192.0.2.1, 10.9.9.9'), '192.0.2.1');
  t.is(sourceOf(['172.16.0.0/12'], '192.0.2.1'), '10.0.0.1');
});

test('ports and brackets are removed from an address', (t) => {
  t.is(sourceOf(1, '6.6.6.6, 192.0.2.1:4711'), '192.0.2.1');
  t.is(sourceOf(1, '6.6.6.6, [2001:db8:1:2::9]:4711'), '2001:db8:1:2::/64');
});

test('an entry that is not an address, and all entries before it, are ignored', (t) => {
  for (const entry of ['unknown', '7', '0x7f.1', '_hidden', '1.2.3.4.5', '10.0.0']) {
    t.is(sourceOf(1, `6.6.6.6, ${entry}`), '10.0.0.1', entry);
  }
});

test('addresses in the same /64 IPv6 network are one source, and an IPv4-mapped address counts as IPv4', (t) => {
  t.is(sourceOf(0, undefined, '2001:db8:1:2:3:4:5:6'), sourceOf(0, undefined, '2001:db8:1:2::1'));
  t.is(sourceOf(0, undefined, '::ffff:192.0.2.1'), '192.0.2.1');
});

test('a unix-socket peer without an address is a trusted hop if any proxy is trusted, else the source "local"', (t) => {
  t.is(sourceOf(0, '192.0.2.1', ''), 'local');
  t.is(sourceOf(1, '192.0.2.1', ''), '192.0.2.1');
  t.is(sourceOf(['10.0.0.0/8'], '192.0.2.1', ''), '192.0.2.1');
});
