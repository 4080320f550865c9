import { describe, expect, it } from 'vitest';
import { CHANGE, CHAT_KIND, ROLE, TYPE } from '../protocol/index.ts';
import { Members } from './members.ts';
import { mayChange, mayPost, mayRead } from './rights.ts';

/** Standings in a group: every operation is tried by each. */
function group(): Members {
  const m = new Members();
  const people: [string, number][] = [
    ['owner', ROLE.owner],
    ['admin', ROLE.admin],
    ['admin2', ROLE.admin],
    ['member', ROLE.member],
    ['member2', ROLE.member],
    ['removed', ROLE.member],
  ];
  m.apply(1, 'owner', { type: TYPE.created, kind: CHAT_KIND.group, title: 't', members: people });
  m.apply(2, 'owner', { type: TYPE.removed, users: ['removed'] });
  return m;
}
function direct(): Members {
  const m = new Members();
  m.apply(1, 'a', {
    type: TYPE.created,
    kind: CHAT_KIND.direct,
    title: '',
    members: [
      ['a', 0],
      ['b', 0],
    ],
  });
  return m;
}
const WHO = ['owner', 'admin', 'member', 'removed', 'stranger'] as const;
const change = (who: string, what: number, users: string[], role = 0) => mayChange(group(), who, what, users, role);

describe('the rule table of a group: every operation × every standing', () => {
  const table: [string, (who: string) => string | null, Record<(typeof WHO)[number], string | null>][] = [
    [
      'post',
      (w) => mayPost(group(), new Set(), w),
      { owner: null, admin: null, member: null, removed: 'not_member', stranger: 'not_member' },
    ],
    [
      'read',
      (w) => mayRead(group(), w),
      { owner: null, admin: null, member: null, removed: null, stranger: 'not_member' },
    ],
    [
      'leave',
      (w) => change(w, CHANGE.leave, []),
      { owner: null, admin: null, member: null, removed: 'not_member', stranger: 'not_member' },
    ],
    [
      'add',
      (w) => change(w, CHANGE.add, ['new']),
      { owner: null, admin: null, member: 'forbidden', removed: 'not_member', stranger: 'not_member' },
    ],
    [
      'rename',
      (w) => change(w, CHANGE.rename, []),
      { owner: null, admin: null, member: 'forbidden', removed: 'not_member', stranger: 'not_member' },
    ],
    [
      'remove a member',
      (w) => change(w, CHANGE.remove, ['member2']),
      { owner: null, admin: null, member: 'forbidden', removed: 'not_member', stranger: 'not_member' },
    ],
    [
      'remove an admin',
      (w) => change(w, CHANGE.remove, ['admin2']),
      { owner: null, admin: 'forbidden', member: 'forbidden', removed: 'not_member', stranger: 'not_member' },
    ],
    [
      'remove the owner',
      (w) => change(w, CHANGE.remove, ['owner']),
      { owner: null, admin: 'forbidden', member: 'forbidden', removed: 'not_member', stranger: 'not_member' },
    ],
    [
      'promote',
      (w) => change(w, CHANGE.role, ['member2'], ROLE.admin),
      { owner: null, admin: 'forbidden', member: 'forbidden', removed: 'not_member', stranger: 'not_member' },
    ],
    [
      'promote who is gone',
      (w) => change(w, CHANGE.role, ['removed'], ROLE.admin),
      { owner: 'not_member', admin: 'forbidden', member: 'forbidden', removed: 'not_member', stranger: 'not_member' },
    ],
    [
      'no such change',
      (w) => change(w, 9, []),
      {
        owner: 'bad_argument',
        admin: 'bad_argument',
        member: 'bad_argument',
        removed: 'not_member',
        stranger: 'not_member',
      },
    ],
  ];
  for (const [what, may, expected] of table) {
    for (const who of WHO)
      it(`${who}: ${what} → ${expected[who] ?? 'allowed'}`, () => expect(may(who)).toBe(expected[who]));
  }
});

describe('the rule table of a direct chat', () => {
  it('both post, nobody else, and nothing about it changes', () => {
    expect(mayPost(direct(), new Set(), 'a')).toBe(null);
    expect(mayPost(direct(), new Set(), 'c')).toBe('not_member');
    for (const what of Object.values(CHANGE)) expect(mayChange(direct(), 'a', what, ['c'], 0)).toBe('forbidden');
  });
  it('who blocked may write, who is blocked may not', () => {
    expect(mayPost(direct(), new Set(['b']), 'a')).toBe('blocked');
    expect(mayPost(direct(), new Set(['b']), 'b')).toBe(null);
  });
});

describe('membership', () => {
  it('is the same however often an entry is applied', () => {
    const m = group();
    m.apply(2, 'owner', { type: TYPE.removed, users: ['removed'] });
    m.apply(1, 'x', { type: TYPE.created, kind: 0, title: 'no', members: [] });
    expect([m.present, m.title, m.kind]).toEqual([5, 't', CHAT_KIND.group]);
  });
  it('shows a member what is between joining and leaving, both included, also when that happens twice', () => {
    const m = group();
    m.apply(10, 'owner', { type: TYPE.added, users: ['removed'] });
    m.apply(12, 'removed', { type: TYPE.left });
    const who = m.all.get('removed');
    if (!who) throw new Error('gone');
    expect([1, 2, 3, 9, 10, 11, 12, 13].filter((n) => m.sees(who, n))).toEqual([1, 2, 10, 11, 12]);
    expect(m.lastFor(who, 50)).toBe(12);
  });
  it('an owner who leaves is followed by an admin, else a member', () => {
    const m = group();
    m.apply(3, 'owner', { type: TYPE.left });
    expect(m.roleOf('admin')).toBe(ROLE.owner);
    for (const [n, who] of [
      [4, 'admin'],
      [5, 'admin2'],
    ] as const)
      m.apply(n, who, { type: TYPE.left });
    expect(m.roleOf('member')).toBe(ROLE.owner);
  });
});
