// Counting rules of admission, and what one source is.
import { expect, test } from 'vitest';
import { Admission, sourceKey } from './admission.ts';

const limits = { connectionsMax: 4, connectionsPerSourceMax: 2, signInsAtOnceMax: 3 };

test('a source has its share, and gets it back when a socket leaves', () => {
  const admission = new Admission(limits);
  const first = admission.admit('10.0.0.1', 0);
  admission.admit('10.0.0.1', 0);
  expect(admission.admit('10.0.0.1', 0)).toBe('sourceFull');
  if (typeof first === 'string') throw new Error('refused');
  admission.left(first, false);
  expect(admission.admit('10.0.0.1', 0)).toMatchObject({ address: '10.0.0.1', sockets: 2 });
});

test('sockets before sign-in are bounded apart from those after it', () => {
  const admission = new Admission({ ...limits, connectionsMax: 10 });
  for (const address of ['1.1.1.1', '2.2.2.2', '3.3.3.3']) admission.admit(address, 0);
  expect(admission.admit('4.4.4.4', 0)).toBe('signInsFull');
  admission.signedIn();
  expect(admission.admit('4.4.4.4', 0)).toMatchObject({ sockets: 1 });
});

test('the node as a whole is bounded', () => {
  const admission = new Admission({ ...limits, signInsAtOnceMax: 10 });
  for (const address of ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4']) admission.admit(address, 0);
  expect(admission.admit('5.5.5.5', 0)).toBe('full');
});

test('from pressure level 2 on nobody comes in', () => {
  const admission = new Admission(limits);
  expect(admission.admit('1.1.1.1', 1)).toMatchObject({ sockets: 1 });
  expect(admission.admit('1.1.1.1', 2)).toBe('pressed');
  expect(admission.admit('1.1.1.1', 3)).toBe('pressed');
});

test('a source that has left is forgotten, and a second leaving is a broken invariant', () => {
  const admission = new Admission(limits);
  const source = admission.admit('1.1.1.1', 0);
  if (typeof source === 'string') throw new Error('refused');
  admission.left(source, false);
  expect(admission.sourcesOpen).toBe(0);
  expect(() => admission.left(source, false)).toThrow('left twice');
});

test('one source is an IPv4 address, or a /64 of IPv6', () => {
  expect(sourceKey('::ffff:10.1.2.3')).toBe('10.1.2.3');
  expect(sourceKey('2001:db8:1:2:3:4:5:6')).toBe(sourceKey('2001:db8:1:2::99'));
  expect(sourceKey('2001:db8:1:2::1')).not.toBe(sourceKey('2001:db8:1:3::1'));
  expect(sourceKey('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
  expect(sourceKey('::1')).toBe('0:0:0:0::/64');
});
