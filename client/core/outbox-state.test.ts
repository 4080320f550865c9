import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attempt, OUTBOX_LIMITS, Outbox, type OutboxLimits } from './outbox-state.ts';

const message = (id: string, chat = 'c', bytes = 1) => ({
  id,
  chat,
  type: 0,
  body: new Uint8Array(bytes),
  about: null,
  at: 0,
});
const half = () => 0.5;
const may = { code: 'overloaded', retry: true, afterMs: 0 };

function outbox(ids: readonly string[], limits: Partial<OutboxLimits> = {}): Outbox {
  const made = new Outbox({ ...OUTBOX_LIMITS, ...limits });
  for (const id of ids) made.markStored(made.add(message(id), 'application'));
  return made;
}
function launched(box: Outbox, now = 0): string[] {
  const all: string[] = [];
  for (let one: Attempt | null = box.next(now); one !== null; one = box.next(now))
    all.push(`${one.message.id}${one.retry ? '!' : ''}<${one.after ?? '-'}`);
  return all;
}

describe('the outbox', () => {
  it('sends in order, each naming the one before it that is not acknowledged', () => {
    const box = outbox(['1', '2', '3']);
    expect(launched(box)).toEqual(['1<-', '2<1', '3<2']);
    box.remove('1', 'acknowledged');
    box.remove('2', 'acknowledged');
    box.markStored(box.add(message('4'), 'application'));
    expect(launched(box)).toEqual(['4<3']);
  });

  it('does not send what is not stored, nor anything of the chat that was made after it', () => {
    const box = outbox(['1']);
    const second = box.add(message('2'), 'application');
    box.markStored(box.add(message('3'), 'application'));
    expect(launched(box)).toEqual(['1<-']);
    box.markStored(second);
    expect(launched(box)).toEqual(['2<1', '3<2']);
  });

  it('keeps to the window of a chat, to that of all, and to the bytes in flight', () => {
    expect(launched(outbox(['1', '2', '3'], { chatWindow: 2 }))).toHaveLength(2);
    expect(launched(outbox(['1', '2', '3'], { totalWindow: 1 }))).toHaveLength(1);
    const heavy = new Outbox({ ...OUTBOX_LIMITS, flightBytesMax: 100 });
    for (const id of ['1', '2']) heavy.markStored(heavy.add(message(id, 'c', 80), 'application'));
    expect(launched(heavy)).toHaveLength(1);
    heavy.remove('1', 'acknowledged');
    expect(launched(heavy)).toHaveLength(1);
  });

  it('lets chats take turns', () => {
    const box = new Outbox({ ...OUTBOX_LIMITS, totalWindow: 4 });
    for (const id of ['a1', 'a2', 'a3', 'b1', 'b2']) box.markStored(box.add(message(id, id.charAt(0)), 'application'));
    expect(launched(box)).toEqual(['a1<-', 'b1<-', 'a2<a1', 'b2<b1']);
  });

  it('is bounded in messages and in bytes', () => {
    const box = new Outbox({ ...OUTBOX_LIMITS, messagesMax: 2, bytesMax: 10 });
    box.add(message('1', 'c', 6), 'application');
    expect(box.hasRoomFor(4)).toBe(true);
    expect(box.hasRoomFor(5)).toBe(false);
    box.add(message('2', 'c', 0), 'application');
    expect(box.hasRoomFor(0)).toBe(false);
  });

  it('goes back to the refused message, waits, and sends from there on as retries, in order', () => {
    const box = outbox(['1', '2', '3', '4']);
    launched(box);
    expect(box.refused('2', { ...may, afterMs: 3_000 }, 0, half)).toBeNull();
    box.remove('1', 'failed');
    expect(launched(box, 2_999)).toEqual([]);
    expect(box.dueAt(0)).toBe(3_000);
    box.wake(3_000);
    expect(launched(box, 3_000)).toEqual(['2!<-']); // alone first
    box.remove('2', 'acknowledged');
    expect(launched(box, 3_000)).toEqual(['3!<-', '4!<3']);
  });

  it('waits for the backoff when that is longer than what the server asks', () => {
    const box = outbox(['1']);
    launched(box);
    box.refused('1', { ...may, afterMs: 10 }, 0, half);
    expect(box.dueAt(0)).toBe(250);
  });

  it('expects refusals of the later messages of a flight: they send nothing back again', () => {
    const box = outbox(['1', '2', '3']);
    launched(box);
    box.refused('1', may, 0, half);
    box.refused('2', { code: 'out_of_order', retry: true, afterMs: 0 }, 0, half);
    box.wake(10_000);
    expect(launched(box, 10_000)).toEqual(['1!<-']);
    box.remove('1', 'acknowledged');
    expect(launched(box, 10_000)).toEqual(['2!<-', '3!<2']);
    // The answer to 3 of the first flight comes late: 3 is in flight again, and that attempt is still to be answered.
    box.refused('3', { code: 'out_of_order', retry: true, afterMs: 0 }, 10_000, half);
    expect(launched(box, 20_000)).toEqual([]);
    expect(box.inFlight).toBe(2);
  });

  it('fails a message that is refused for good, and links the later ones anew, at once', () => {
    const box = outbox(['1', '2', '3', '4']);
    launched(box);
    expect(box.refused('2', { code: 'too_large', retry: false, afterMs: 0 }, 0, half)?.message.id).toBe('2');
    expect(launched(box)).toEqual([]);
    box.refused('3', { code: 'out_of_order', retry: true, afterMs: 0 }, 0, half);
    expect(launched(box)).toEqual(['3!<1', '4!<3']);
  });

  it('backs off from out_of_order when the message it named is still there', () => {
    const box = outbox(['1', '2']);
    launched(box);
    box.refused('2', { code: 'out_of_order', retry: true, afterMs: 0 }, 0, half);
    expect(launched(box)).toEqual([]);
  });

  it('sends again, oldest first, what had no answer for 15 s', () => {
    const box = outbox(['1', '2']);
    launched(box);
    expect(box.dueAt(0)).toBe(15_000);
    expect(box.timeOut(14_999)).toBe(false);
    expect(box.timeOut(15_000)).toBe(true);
    expect(launched(box, 15_000)).toEqual(['1!<-']);
  });

  it('sends everything again on a new connection, at once and marked', () => {
    const box = outbox(['1', '2', '3']);
    launched(box);
    box.refused('1', { ...may, afterMs: 60_000 }, 0, half);
    box.disconnected();
    box.remove('1', 'acknowledged');
    expect(launched(box)).toEqual(['2!<-', '3!<2']);
  });

  it('counts answers of the present connection only', () => {
    const box = outbox(['1']);
    launched(box);
    box.disconnected();
    expect(launched(box)).toEqual(['1!<-']);
    box.refused('1', may, 0, half); // the first and only answer to this connection's attempt
    expect(box.inFlight).toBe(0);
  });

  it('marks what an earlier life left as a retry', () => {
    const box = new Outbox(OUTBOX_LIMITS);
    box.add(message('1'), 'store');
    expect(launched(box)).toEqual(['1!<-']);
  });

  it('never sends a message before the one ahead of it was sent, nor after it was acknowledged, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ is: fc.constant('send' as const) }),
      fc.record({ is: fc.constant('ack' as const), pick: fc.nat(40) }),
      fc.record({ is: fc.constant('refuse' as const), pick: fc.nat(40), retry: fc.boolean() }),
      fc.record({ is: fc.constant('drop' as const) }),
      fc.record({ is: fc.constant('wait' as const), ms: fc.nat(20_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const box = outbox([], { chatWindow: 4 });
        const made: string[] = [];
        const gone = new Set<string>();
        const tried = new Set<string>();
        let now = 0;
        for (const one of steps) {
          if (one.is === 'send') {
            const id = String(made.length);
            made.push(id);
            box.markStored(box.add(message(id), 'application'));
          } else if (one.is === 'drop') box.disconnected();
          else if (one.is === 'wait') now += one.ms;
          else {
            const id = String(one.pick);
            if (one.is === 'ack' && box.remove(id, 'acknowledged') !== null) gone.add(id);
            if (one.is === 'refuse' && box.refused(id, { ...may, retry: one.retry }, now, half) !== null) gone.add(id);
          }
          box.timeOut(now);
          box.wake(now);
          for (let next = box.next(now); next !== null; next = box.next(now)) {
            const id = next.message.id;
            const ahead = made.slice(0, Number(id)).filter((other) => !gone.has(other));
            expect(gone.has(id)).toBe(false);
            expect(next.after).toBe(ahead.at(-1) ?? null);
            expect(ahead.every((other) => tried.has(other))).toBe(true);
            expect(next.retry).toBe(tried.has(id));
            tried.add(id);
          }
          expect(box.inFlight).toBeLessThanOrEqual(4);
        }
        // In the end all goes: nothing is stuck.
        for (let i = 0; i < 2 * made.length + 2 && box.size > 0; i++) {
          now += 30_000;
          box.timeOut(now);
          box.wake(now);
          for (let next = box.next(now); next !== null; next = box.next(now))
            box.remove(next.message.id, 'acknowledged');
        }
        expect(box.size).toBe(0);
        expect(box.inFlight).toBe(0);
      }),
    );
  });
});
