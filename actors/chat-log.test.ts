import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addWaiter, ChatLog, RECENT_IDS_MAX, TAIL_ENTRIES_MAX, WAITERS_MAX, type Waiter } from './chat-log.ts';
import type { LogEntry } from './mail.ts';

const entry = (n: number): LogEntry => ({ n, sender: 'a', device: 'd', type: 0, ts: 0, frame: new Uint8Array(1) });
function give(log: ChatLog, id: string): number {
  const n = log.head + 1;
  log.push({ entry: entry(n), id, ts: n, sinceMs: 0, waiters: [], done: false }, 'a', 'd');
  return n;
}

describe('the end of a chat log', () => {
  it('releases a prefix without holes, each number once, whatever order results come in', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 60 }), (order) => {
        const log = new ChatLog();
        const numbers = order.map((_, i) => give(log, `m${i}`));
        const shuffled = numbers.map((n, i) => [order[i] ?? 0, n] as const).sort((x, y) => x[0] - y[0] || x[1] - y[1]);
        const landed = new Set<number>();
        const released: number[] = [];
        for (const [, n] of shuffled) {
          landed.add(n);
          for (const p of log.written(n)) released.push(p.entry.n);
          expect(log.durable).toBe(released.length);
          for (let k = 1; k <= log.durable; k++) expect(landed.has(k)).toBe(true);
        }
        expect(released).toEqual(numbers);
      }),
    );
  });

  it('hears of a write twice, or of one of a life before, without harm', () => {
    const log = new ChatLog();
    const n = give(log, 'm');
    expect(log.written(n).length).toBe(1);
    expect(log.written(n)).toEqual([]);
    expect(log.written(99)).toEqual([]);
    expect(log.durable).toBe(1);
  });

  it('knows recent ids, and forgets the oldest first', () => {
    const log = new ChatLog();
    for (let i = 0; i <= RECENT_IDS_MAX; i++) log.remember('a', 'd', `m${i}`, { n: i + 1, ts: 0 });
    expect(log.find('a', 'd', 'm0')).toBeUndefined();
    expect(log.find('a', 'd', 'm1')).toMatchObject({ n: 2, ts: 0 });
    expect(log.find('a', 'other', 'm1')).toBeUndefined();
  });

  it('tells the same id of different devices apart, and forgets each in its turn', () => {
    const log = new ChatLog();
    for (let i = 0; i < RECENT_IDS_MAX; i++) log.remember(`u${i % 8}`, `d${i}`, `m${i % 2}`, { n: i + 1, ts: i });
    log.remember('u0', 'd0', 'm0', { n: 1, ts: 77 });
    for (let i = 0; i < RECENT_IDS_MAX; i++) expect(log.find(`u${i % 8}`, `d${i}`, `m${i % 2}`)?.n).toBe(i + 1);
    expect(log.find('u0', 'd0', 'm0')?.ts).toBe(77);
    for (let i = 0; i < 3; i++) log.remember('b', 'e', `x${i}`, { n: 9_000 + i, ts: 0 });
    expect([0, 1, 2, 3].map((i) => log.find(`u${i}`, `d${i}`, `m${i % 2}`)?.n)).toEqual([
      undefined,
      undefined,
      undefined,
      4,
    ]);
    for (let i = 0; i < RECENT_IDS_MAX; i++) log.remember('b', 'e', `y${i}`, { n: 10_000 + i, ts: 0 });
    for (let i = 0; i < RECENT_IDS_MAX; i++) expect(log.find(`u${i % 8}`, `d${i}`, `m${i % 2}`)).toBeUndefined();
    expect(log.find('b', 'e', 'x2')).toBeUndefined();
    expect(log.find('b', 'e', 'y0')?.n).toBe(10_000);
  });

  it('gives what follows a number from memory, or says that it cannot', () => {
    const log = new ChatLog();
    for (let i = 1; i <= TAIL_ENTRIES_MAX + 10; i++) log.written(give(log, `m${i}`));
    expect(log.since(5)).toBe(null);
    expect(log.since(log.durable)).toEqual([]);
    expect(log.since(log.durable - 3)?.map((e) => e.n)).toEqual([log.durable - 2, log.durable - 1, log.durable]);
  });

  it('never skips a number', () => {
    const log = new ChatLog();
    expect(() =>
      log.push({ entry: entry(2), id: 'x', ts: 0, sinceMs: 0, waiters: [], done: false }, 'a', 'd'),
    ).toThrow();
  });
});

describe('who waits for an entry', () => {
  it('is one waiter however often it asks, and is owed an answer each time', () => {
    const to = { kind: 'connection', key: '1' };
    const waiters: Waiter[] = [{ to, ref: null }];
    for (let i = 0; i < 1_000; i++) expect(addWaiter(waiters, to, null)).toBe(true);
    expect(waiters).toEqual([{ to, ref: null, again: 1_000 }]);
  });

  it('is one of so many and no more; those who wait may ask again even then', () => {
    const waiters: Waiter[] = [];
    const sockets = Array.from({ length: WAITERS_MAX + 1 }, (_, i) => ({ kind: 'connection', key: String(i) }));
    expect(sockets.map((to) => addWaiter(waiters, to, null))).toEqual(sockets.map((_, i) => i < WAITERS_MAX));
    expect(waiters).toHaveLength(WAITERS_MAX);
    for (const to of sockets.slice(0, 1)) {
      expect(addWaiter(waiters, to, null)).toBe(true);
      expect(addWaiter(waiters, to, 7)).toBe(false);
    }
  });
});
