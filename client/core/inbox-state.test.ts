import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INBOX_LIMITS, Inbox } from './inbox-state.ts';

const entry = (seq: number) => ({ seq });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
function taken(inbox: Inbox<{ seq: number }>): number[] {
  const all: number[] = [];
  for (let one = inbox.take(); one !== null; one = inbox.take()) all.push(one.seq);
  return all;
}

describe('the inbox of a chat', () => {
  it('gives out what comes in order, at once', () => {
    const inbox = new Inbox(4);
    inbox.receive(entry(5));
    expect(taken(inbox)).toEqual([5]);
    expect(inbox.known).toBe(5);
    expect(inbox.wanted()).toBeNull();
  });

  it('drops what was given out before', () => {
    const inbox = new Inbox(4);
    expect(inbox.receive(entry(4))).toBe(false);
    expect(taken(inbox)).toEqual([]);
  });

  it('holds what comes early, asks for exactly what is missing, and gives all out in order', () => {
    const inbox = new Inbox(4);
    inbox.receive(entry(8));
    inbox.receive(entry(9));
    expect(taken(inbox)).toEqual([]);
    expect(inbox.wanted()).toEqual({ from: 5, limit: 3 });
    inbox.page(5, 7, [5, 6, 7].map(entry));
    expect(taken(inbox)).toEqual([5, 6, 7, 8, 9]);
  });

  it('asks from 1 when the first entry of an unknown chat is not the first', () => {
    const inbox = new Inbox(0);
    inbox.receive(entry(3));
    expect(inbox.wanted()).toEqual({ from: 1, limit: 2 });
  });

  it('steps over numbers that a page covers but does not have: they are not ours', () => {
    const inbox = new Inbox(0);
    inbox.receive(entry(9));
    inbox.page(1, 8, [entry(7)]);
    expect(taken(inbox)).toEqual([7, 9]);
  });

  it('does not step over numbers that no page covered', () => {
    const inbox = new Inbox(0);
    inbox.receive(entry(9));
    inbox.page(1, 4, [entry(2)]);
    expect(taken(inbox)).toEqual([2]);
    expect(inbox.known).toBe(4);
    expect(inbox.wanted()).toEqual({ from: 5, limit: 4 });
  });

  it('does not believe a page about numbers above all that it has heard of', () => {
    const inbox = new Inbox(0);
    inbox.receive(entry(3));
    inbox.page(1, 100, [1, 2, 3].map(entry));
    expect(taken(inbox)).toEqual([1, 2, 3]);
    expect(inbox.receive(entry(4))).toBe(true);
    expect(taken(inbox)).toEqual([4]);
  });

  it('says when a page brought nothing', () => {
    const inbox = new Inbox(4);
    inbox.receive(entry(8));
    expect(inbox.page(5, 4, [])).toBe(false);
    expect(inbox.page(6, 7, [])).toBe(false); // does not join on
    expect(taken(inbox)).toEqual([]);
  });

  it('reads what is said to be missing, even when nothing comes after it', () => {
    const inbox = new Inbox(4);
    inbox.missing(6);
    expect(inbox.wanted()).toEqual({ from: 5, limit: 2 });
  });

  it('skips what it is told to, when its turn comes, and not what comes before it', () => {
    const inbox = new Inbox(4);
    inbox.skip(7, 10);
    expect(taken(inbox)).toEqual([]);
    expect(inbox.wanted()).toEqual({ from: 5, limit: 2 });
    inbox.receive(entry(11));
    inbox.receive(entry(5));
    inbox.receive(entry(6));
    expect(taken(inbox)).toEqual([5, 6, 11]);
  });

  it('gives up, when told, exactly what is missing before what it holds', () => {
    const inbox = new Inbox(4);
    inbox.receive(entry(8));
    inbox.receive(entry(10));
    expect(inbox.giveUp()).toEqual({ from: 5, to: 7 });
    expect(taken(inbox)).toEqual([8]);
    expect(inbox.wanted()).toEqual({ from: 9, limit: 1 });
  });

  it('holds a bounded number, and reads again what it let go', () => {
    const inbox = new Inbox(0);
    for (const seq of range(2, 600)) inbox.receive(entry(seq));
    expect(inbox.held).toBe(INBOX_LIMITS.heldMax);
    const all: number[] = [];
    for (let rounds = 0; rounds < 20 && inbox.known < 600; rounds++) {
      const wanted = inbox.wanted();
      if (wanted === null) break;
      const to = wanted.from + wanted.limit - 1;
      inbox.page(wanted.from, to, range(wanted.from, to).map(entry));
      all.push(...taken(inbox));
    }
    expect(all).toEqual(range(1, 600));
  });

  it('gives out every entry that is ours, once and in order, whatever comes twice, late, or never', () => {
    const scenario = fc.record({
      head: fc.integer({ min: 1, max: 400 }),
      notOurs: fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { maxLength: 60 }),
      pushes: fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 300 }),
      pageMax: fc.integer({ min: 1, max: 100 }),
      every: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(scenario, ({ head, notOurs, pushes, pageMax, every }) => {
        const others = new Set(notOurs.filter((seq) => seq !== head));
        const ours = range(1, head).filter((seq) => !others.has(seq));
        const inbox = new Inbox(0);
        const all: number[] = [];
        const read = (): void => {
          const wanted = inbox.wanted();
          if (wanted === null) return;
          const to = Math.min(head, wanted.from + Math.min(wanted.limit, pageMax) - 1);
          inbox.page(wanted.from, to, ours.filter((seq) => seq >= wanted.from && seq <= to).map(entry));
          all.push(...taken(inbox));
        };
        pushes.forEach((seq, i) => {
          if (seq <= head && !others.has(seq)) inbox.receive(entry(seq));
          all.push(...taken(inbox));
          if (i % every === 0) read();
        });
        inbox.receive(entry(head));
        for (let i = 0; i < 2_000 && inbox.wanted() !== null; i++) read();
        all.push(...taken(inbox));
        expect(all).toEqual(ours);
      }),
    );
  });
});
