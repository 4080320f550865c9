// Rates and sizes that a user, a chat, a source or a list may not exceed, over real sockets; limits.test.ts says where the others are.
import { describe, expect, it } from 'vitest';
import { type ClientFrame, LIMITS, OP } from '../../protocol/index.ts';
import { until } from '../chaos/person.ts';
import { rawBench } from './raw-bench.ts';
import type { RawClient } from './raw-client.ts';

const { start, signedIn } = rawBench();
const seconds = (n: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, n * 1_000));
const strings = (count: number): string[] => Array.from({ length: count }, (_, n) => `u${n}`);
const rate = (perSecond: number, burst: number): string => JSON.stringify({ perSecond, burst });

describe('too much is refused, and told when to come back', () => {
  async function sendUntilRefused(
    client: RawClient,
    chat: string,
    prefix: string,
    bytes = 1,
  ): Promise<{ taken: number; afterMs: number }> {
    for (let n = 0; n < 50; n++) {
      client.text(chat, `${prefix}${n}`, bytes);
      const answer = await client.outcome(`${prefix}${n}`);
      if (answer.op !== OP.ERROR) continue;
      expect(answer).toMatchObject({ code: 'rate_limited', retry: true, chat });
      return { taken: n, afterMs: answer.afterMs };
    }
    throw new Error('never refused');
  }

  it('of one user, in all chats together', async () => {
    await start({ 'rates.userMessages': rate(0.4, 4) });
    const ann = await signedIn('ann');
    const [one, two] = [await ann.direct('bob'), await ann.direct('cat')];
    const { taken, afterMs } = await sendUntilRefused(ann, one, 'm');
    expect(taken).toBeLessThanOrEqual(5);
    expect(afterMs).toBeGreaterThan(0);
    expect(afterMs).toBeLessThanOrEqual(2_500);
    ann.text(two, 'other-chat');
    const refused = await ann.outcome('other-chat');
    expect(refused).toMatchObject({ code: 'rate_limited' });
    // As long as it was told, and a moment for the clock.
    await seconds((refused.op === OP.ERROR ? refused.afterMs : 0) / 1_000 + 0.1);
    ann.text(two, 'later');
    expect(await ann.outcome('later')).toMatchObject({ op: OP.SENT });
  });

  it('of one user in one chat, while other chats go on', async () => {
    await start({ 'rates.pairMessages': rate(0.1, 3) });
    const ann = await signedIn('ann');
    const [one, two] = [await ann.direct('bob'), await ann.direct('cat')];
    expect((await sendUntilRefused(ann, one, 'm')).taken).toBeLessThanOrEqual(4);
    ann.text(two, 'other-chat');
    expect(await ann.outcome('other-chat')).toMatchObject({ op: OP.SENT });
  });

  it('of one source, over all of its users; another source goes on', async () => {
    await start({ 'rates.sourceMessages': rate(0.1, 6) });
    const [ann, bob] = [await signedIn('ann'), await signedIn('bob')];
    const far = await signedIn('cat', 'd1', { address: '127.0.0.2' });
    const [one, two, three] = [await ann.direct('x'), await bob.direct('x'), await far.direct('x')];
    await sendUntilRefused(ann, one, 'm');
    bob.text(two, 'of-the-same-source');
    expect(await bob.outcome('of-the-same-source')).toMatchObject({ code: 'rate_limited' });
    far.text(three, 'of-another');
    expect(await far.outcome('of-another')).toMatchObject({ op: OP.SENT });
  });

  it('of bytes', async () => {
    await start({ 'rates.userBytes': rate(1_000, 100_000) });
    const ann = await signedIn('ann');
    const chat = await ann.direct('bob');
    const { taken, afterMs } = await sendUntilRefused(ann, chat, 'm', 30_000);
    expect(taken).toBe(3);
    expect(afterMs).toBeGreaterThan(10_000);
  });

  it('of requests, and of users that they wake', async () => {
    await start({ 'rates.userMessages': rate(1, 2) });
    const ann = await signedIn('ann');
    const asked = await Promise.all(Array.from({ length: 40 }, () => ann.ask((ref) => ({ op: OP.LIST_DEVICES, ref }))));
    expect(asked.filter((f) => f.op === OP.DEVICES).length).toBeLessThan(30);
    expect(asked.find((f) => f.op === OP.ERROR)).toMatchObject({ code: 'rate_limited', retry: true });
    const bob = await signedIn('bob');
    const make =
      (id: string) =>
      (ref: number): ClientFrame => ({ op: OP.CREATE_CHAT, ref, kind: 1, id, members: strings(100), title: '' });
    expect(await bob.ask(make('g1'))).toMatchObject({ op: OP.OK });
    expect(await bob.ask(make('g2'))).toMatchObject({ op: OP.ERROR, code: 'rate_limited' });
    const cat = await signedIn('cat');
    for (let n = 0; n < 3; n++)
      cat.send({ op: OP.WATCH_PRESENCE, users: strings(50).map((u) => `${u}-${n}`), on: true });
    await cat.next('PRESENCE');
    cat.send({ op: OP.HEARTBEAT, n: 1 });
    await cat.next('HEARTBEAT');
    await seconds(0.5);
    expect(cat.of('PRESENCE')).toHaveLength(50);
  });
});

describe('a group and a watch list end somewhere', () => {
  it('a group with 1,024 members takes no other', async () => {
    await start();
    const ann = await signedIn('ann');
    const names = strings(LIMITS.membersMax);
    const made = await ann.ask((ref) => ({
      op: OP.CREATE_CHAT,
      ref,
      kind: 1,
      id: 'g',
      members: names.slice(0, 255),
      title: '',
    }));
    const chat = made.op === OP.OK ? (made.value ?? '') : '';
    const add = (users: string[], id: string) =>
      ann.ask((ref) => ({ op: OP.CHANGE_CHAT, ref, chat, id, change: 0, users, role: 0, title: '' }));
    for (let n = 0; n < 3; n++)
      expect(await add(names.slice(255 + n * 256, 511 + n * 256), `c${n}`)).toMatchObject({ op: OP.OK });
    expect(await add([names[1_023] ?? ''], 'one-more')).toMatchObject({ op: OP.ERROR, code: 'chat_full' });
  });

  it('a 257th watched user is not watched', async () => {
    await start();
    const [ann] = [await signedIn('ann'), await signedIn('bob')];
    ann.send({ op: OP.WATCH_PRESENCE, users: strings(LIMITS.watchedUsersMax), on: true });
    await until('all of them', () => ann.of('PRESENCE').length === LIMITS.watchedUsersMax, 10_000);
    ann.send({ op: OP.WATCH_PRESENCE, users: ['bob'], on: true });
    await seconds(0.5);
    expect(ann.of('PRESENCE').some((f) => f.user === 'bob')).toBe(false);
    ann.send({ op: OP.WATCH_PRESENCE, users: ['u0'], on: false });
    ann.send({ op: OP.WATCH_PRESENCE, users: ['bob'], on: true });
    expect(await ann.next('PRESENCE', (f) => f.user === 'bob')).toMatchObject({ online: true });
  });
});
