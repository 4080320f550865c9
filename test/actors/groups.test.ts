import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHANGE, decodeChange, OP, ROLE, type ServerFrame, TYPE } from '../../protocol/index.ts';
import { startTestNode, type TestDevice, type TestNode, until } from './harness.ts';

let t: TestNode;
beforeEach(async () => {
  t = await startTestNode();
});
afterEach(async () => {
  await t.stop();
  expect(t.errors).toEqual([]);
});

const change = (
  d: TestDevice,
  chat: string,
  what: number,
  users: string[],
  more: { role?: number; title?: string } = {},
): Promise<ServerFrame> =>
  d.ask((ref) => ({
    op: OP.CHANGE_CHAT,
    ref,
    chat,
    id: `c${ref}`,
    change: what,
    users,
    role: more.role ?? 0,
    title: more.title ?? '',
  }));

async function people(...names: string[]): Promise<TestDevice[]> {
  return Promise.all(
    names.map(async (name) => {
      const d = t.device(name);
      await d.signIn();
      return d;
    }),
  );
}
/** What a device shows of a room from number 2 on: what it was pushed, and its own by SENT. Each once. */
function numbers(d: TestDevice, chat: string): number[] {
  const pushed = d.of('RECEIVE_MESSAGE').filter((f) => f.chat === chat);
  return [...pushed, ...d.of('SENT')]
    .map((f) => f.seq)
    .filter((n) => n > 1)
    .sort((x, y) => x - y);
}

describe('a group', () => {
  it('shows every member the same entries in the same order', async () => {
    const [a, b, c] = (await people('a', 'b', 'c')) as [TestDevice, TestDevice, TestDevice];
    const room = await a.group(['b', 'c']);
    await Promise.all([b, c].map((d) => d.next('RECEIVE_MESSAGE', (f) => f.type === TYPE.created)));
    for (let i = 0; i < 20; i++) {
      a.text(room, `a${i}`);
      b.text(room, `b${i}`);
      c.text(room, `c${i}`);
    }
    // The first entry is the room itself, which its maker made.
    const all = Array.from({ length: 60 }, (_, i) => i + 2);
    await until('everybody has everything', () => [a, b, c].every((d) => numbers(d, room).length === 60));
    for (const d of [a, b, c]) expect(numbers(d, room)).toEqual(all);
  });

  it('shows nobody what was said before joining or after leaving', async () => {
    const [a, b, c] = (await people('a', 'b', 'c')) as [TestDevice, TestDevice, TestDevice];
    const room = await a.group(['b']);
    a.text(room, 'before');
    await a.next('SENT', (f) => f.id === 'before');
    expect((await change(a, room, CHANGE.add, ['c'])).op).toBe(OP.OK);
    const added = await c.next('RECEIVE_MESSAGE', (f) => f.type === TYPE.added);
    expect(decodeChange(added.type, added.body)).toMatchObject({ users: ['c'] });
    a.text(room, 'while');
    await c.next('RECEIVE_MESSAGE', (f) => f.id === 'while');
    expect((await change(a, room, CHANGE.remove, ['c'])).op).toBe(OP.OK);
    await c.next('RECEIVE_MESSAGE', (f) => f.type === TYPE.removed);
    a.text(room, 'after');
    await b.next('RECEIVE_MESSAGE', (f) => f.id === 'after');
    expect(c.of('RECEIVE_MESSAGE').map((f) => f.id)).not.toContain('before');
    expect(c.of('RECEIVE_MESSAGE').map((f) => f.id)).not.toContain('after');
    const page = await c.ask((ref) => ({ op: OP.HISTORY, ref, chat: room, from: 1, limit: 100, back: false }));
    expect(page).toMatchObject({ op: OP.HISTORY_PAGE, more: false });
    c.text(room, 'from-outside');
    expect(await c.next('ERROR', (f) => f.id === 'from-outside')).toMatchObject({ code: 'not_member', retry: false });
    // Back again: what was said meanwhile stays unseen, and the page over it says so.
    await change(a, room, CHANGE.add, ['c']);
    await c.next('RECEIVE_MESSAGE', (f) => f.type === TYPE.added && f.seq > added.seq);
    const whole = await c.ask((ref) => ({ op: OP.HISTORY, ref, chat: room, from: 1, limit: 100, back: false }));
    if (whole.op !== OP.HISTORY_PAGE) throw new Error('no page');
    expect(whole.to).toBe(7);
    expect(whole.entries.length).toBe(4);
  });

  it('counts how many members have got and read a message', async () => {
    const [a, b, c] = (await people('a', 'b', 'c')) as [TestDevice, TestDevice, TestDevice];
    const room = await a.group(['b', 'c']);
    a.text(room, 'm');
    for (const d of [b, c]) {
      const got = await d.next('RECEIVE_MESSAGE', (f) => f.id === 'm');
      d.ack(room, got.seq);
    }
    expect(await a.next('COUNTS', (f) => f.delivered === 2)).toMatchObject({ chat: room, seq: 2, read: 0, members: 2 });
    b.send({ op: OP.READ, chat: room, seq: 2 });
    expect(await a.next('COUNTS', (f) => f.read === 1)).toMatchObject({ delivered: 2 });
    // The reader hears when the cursor is stored.
    expect(await b.next('RECEIPT', (f) => f.user === 'b')).toMatchObject({ read: 2 });
  });

  it('made twice with the same id is one group', async () => {
    const [a] = (await people('a')) as [TestDevice];
    const make = (ref: number) =>
      ({ op: OP.CREATE_CHAT, ref, kind: 1, id: 'same', members: ['b'], title: 'x' }) as const;
    const first = await a.ask(make);
    expect(await a.ask(make)).toMatchObject({ op: OP.OK, value: (first as { value: string }).value });
  });

  it('has an owner as long as it has members', async () => {
    const [a, b] = (await people('a', 'b', 'c')) as [TestDevice, TestDevice];
    const room = await a.group(['b', 'c']);
    expect((await change(a, room, CHANGE.role, ['b'], { role: ROLE.admin })).op).toBe(OP.OK);
    expect((await change(a, room, CHANGE.leave, [])).op).toBe(OP.OK);
    expect((await change(b, room, CHANGE.rename, [], { title: 'ours' })).op).toBe(OP.OK);
    const info = await b.ask((ref) => ({ op: OP.CHAT_INFO, ref, chat: room, after: null }));
    expect(info).toMatchObject({
      op: OP.CHAT,
      title: 'ours',
      count: 2,
      members: [
        { user: 'b', role: ROLE.owner },
        { user: 'c', role: ROLE.member },
      ],
    });
  });

  it('takes up to 1,024 members, and all of them get a message', async () => {
    const [a] = (await people('a')) as [TestDevice];
    const names = Array.from({ length: 1_023 }, (_, i) => `u${i}`);
    const room = await a.group(names.slice(0, 256));
    for (const from of [256, 512, 768])
      expect((await change(a, room, CHANGE.add, names.slice(from, from + 256))).op).toBe(OP.OK);
    expect(await change(a, room, CHANGE.add, ['one-more'])).toMatchObject({ op: OP.ERROR, code: 'chat_full' });
    const [last] = (await people('u1022')) as [TestDevice];
    // What is said before is in the gap that it hears of.
    await last.next('CAUGHT_UP');
    a.text(room, 'hello-all');
    await last.next('RECEIVE_MESSAGE', (f) => f.id === 'hello-all');
    await until('the chat owes nobody', () => t.node.kernel.stats() && countDirty(t) === 0, 15_000);
  });
});

function countDirty(node: TestNode): number {
  const ref = [...node.node.kernel.cells('chat')][0];
  const state = ref ? (node.node.kernel.getState(ref) as { dirty: boolean }) : null;
  return state?.dirty ? 1 : 0;
}
