import fc from 'fast-check';
import { pack, unpack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { type Change, decodeChange, encodeChange } from './changes.ts';
import { CHAT_KIND, ROLE, TYPE } from './kinds.ts';
import { LIMITS } from './limits.ts';
import { codeOf } from './testing/code-of.ts';

const longUser = (n: number): string => String(n).padStart(LIMITS.userIdCharsMax, 'u');
const users = (count: number): string[] => Array.from({ length: count }, (_, n) => longUser(n));
const changes: readonly Change[] = [
  {
    type: TYPE.created,
    kind: CHAT_KIND.group,
    title: 'Alps 2026 🏔',
    members: [
      ['ann', ROLE.owner],
      ['bob', ROLE.member],
    ],
  },
  {
    type: TYPE.created,
    kind: CHAT_KIND.direct,
    title: '',
    members: [
      ['ann', ROLE.member],
      ['bob', ROLE.member],
    ],
  },
  { type: TYPE.added, users: ['cy', 'dan'] },
  { type: TYPE.removed, users: ['cy'] },
  { type: TYPE.left },
  { type: TYPE.role, users: ['bob'], role: ROLE.admin },
  { type: TYPE.renamed, title: 'Alps' },
];

describe('changes of a chat', () => {
  it.each(changes)('$type comes back as it went, and reads as a map elsewhere', (change) => {
    const body = encodeChange(change);
    expect(decodeChange(change.type, body)).toEqual(change);
    const { type, ...rest } = change;
    expect(unpack(body)).toEqual(rest);
    expect(decodeChange(type, pack({ ...rest, later: [1, 2] }))).toEqual(change);
  });

  it('fit a body at their largest', () => {
    const most = LIMITS.membersPerChangeMax;
    const members = users(most + 1).map((user) => [user, ROLE.member] as const);
    const created: Change = {
      type: TYPE.created,
      kind: CHAT_KIND.group,
      title: '€'.repeat(LIMITS.titleCharsMax),
      members,
    };
    expect(encodeChange(created).length).toBeLessThan(LIMITS.bodyBytesMax);
    expect(decodeChange(created.type, encodeChange(created))).toEqual(created);
    expect(codeOf(() => encodeChange({ ...created, members: [...members, ['x', 0]] }))).toBe('too_large');
    expect(codeOf(() => encodeChange({ ...created, title: 'x'.repeat(LIMITS.titleCharsMax + 1) }))).toBe('too_large');
    expect(codeOf(() => encodeChange({ type: TYPE.added, users: users(most) }))).toBe('none');
    expect(codeOf(() => encodeChange({ type: TYPE.added, users: users(most + 1) }))).toBe('too_large');
  });

  it.each([
    ['no map', TYPE.renamed, pack(['title'])],
    ['a key missing', TYPE.renamed, pack({})],
    ['a title that is no text', TYPE.renamed, pack({ title: 1 })],
    ['users that are no list', TYPE.added, pack({ users: 'ann' })],
    ['a user that is no id', TYPE.added, pack({ users: ['a b'] })],
    ['a role too high', TYPE.role, pack({ users: ['ann'], role: 3 })],
    ['a kind too high', TYPE.created, pack({ kind: 2, title: '', members: [] })],
    ['a member without a role', TYPE.created, pack({ kind: 1, title: '', members: [['ann']] })],
    ['a type of a message', TYPE.text, pack({})],
    ['a type to come', 31, pack({})],
    ['bytes after it', TYPE.left, Uint8Array.of(0x80, 0)],
    ['no bytes', TYPE.left, new Uint8Array(0)],
  ])('are refused with %s', (_, type, body) => {
    expect(codeOf(() => decodeChange(type, body))).toBe('bad_frame');
  });

  it('never throw anything but a ProtocolError', () => {
    const body = fc.oneof(
      fc.uint8Array(),
      fc.dictionary(fc.constantFrom('users', 'role', 'title', 'kind', 'members'), fc.jsonValue()).map((o) => pack(o)),
    );
    fc.assert(
      fc.property(fc.nat(32), body, (type, b) => {
        expect(['none', 'bad_frame', 'too_large']).toContain(codeOf(() => decodeChange(type, b)));
      }),
      { numRuns: 2_000 },
    );
  });
});
