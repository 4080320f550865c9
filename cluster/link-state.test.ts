import { describe, expect, test } from 'vitest';
import { LINK_LIMITS } from './link-limits.ts';
import { Incoming, Outgoing } from './link-state.ts';

const LIMITS = { ...LINK_LIMITS, batchBytesMax: 1 };
const mail = new Uint8Array(10);

/** An open link that wrote so many batches of one mail; `written` is their sequences, in order. */
const outgoing = (batches: number) => {
  let generation = 0;
  const out = new Outgoing(
    LIMITS,
    1,
    () => 0.5,
    () => ++generation,
  );
  const written: number[] = [];
  const write = (now: number) => {
    for (let batch = out.next(now); batch !== null; batch = out.next(now)) {
      out.wrote(batch);
      written.push(batch.sequence);
    }
    return written.splice(0);
  };
  const offer = (now: number) => {
    out.offer(mail, false, now);
    out.cut(now);
  };
  out.open('opening', 0);
  out.welcomed(1, 0);
  for (let n = 0; n < batches; n++) offer(0);
  return { out, offer, write };
};

describe('what is in flight', () => {
  test('is in doubt after a while: the oldest batch asks, and what follows it is written when that helped', () => {
    const { out, write } = outgoing(5);
    expect(write(0)).toEqual([1, 2, 3, 4, 5]);
    expect([out.dueAt(), out.tick(399)]).toEqual([400, null]);
    expect([out.tick(400), write(400)]).toEqual(['resend', [1]]);
    expect(out.acked(1, 1, 410)).toBe(true);
    expect([out.dueAt(), out.tick(510), write(510)]).toEqual([510, 'resend', [2, 3, 4, 5]]);
  });

  test('that was only late is not written again', () => {
    const { out, write } = outgoing(5);
    write(0);
    out.tick(400);
    write(400);
    for (let n = 1; n <= 5; n++) {
      expect(out.acked(1, n, 400 + n * 90)).toBe(true);
      expect([out.tick(400 + n * 90 + 80), write(400 + n * 90 + 80)]).toEqual([null, []]);
    }
    expect([out.mails, out.bytes, out.dueAt()]).toEqual([0, 0, Number.POSITIVE_INFINITY]);
  });

  test('asks ever more seldom while nobody answers', () => {
    const { out, write } = outgoing(5);
    write(0);
    const asked: number[] = [];
    for (let now = out.dueAt(); now < 9_000; now = out.dueAt()) {
      expect([out.tick(now), write(now)]).toEqual(['resend', [1]]);
      asked.push(now);
    }
    expect(asked).toEqual([400, 1_200, 2_800, 5_800, 8_800]);
  });

  test('goes on after an acknowledgement that overtook the writing', () => {
    const { out, offer, write } = outgoing(3);
    write(0);
    out.tick(400);
    write(400);
    out.acked(1, 1, 410);
    out.tick(510);
    out.acked(1, 3, 511);
    offer(512);
    expect(write(512)).toEqual([4]);
  });

  test('does not hear an acknowledgement of another generation', () => {
    const { out, write } = outgoing(2);
    write(0);
    out.break(100, false);
    out.open('opening', 100);
    out.offer(mail, false, 100);
    out.cut(100);
    out.welcomed(1, 100);
    expect(out.acked(1, 2, 110)).toBe(false);
    expect([out.mails, write(110)]).toEqual([1, [1]]);
    expect(out.acked(2, 1, 120)).toBe(true);
  });

  test('waits while the carrier takes nothing, and keeps its order', () => {
    const { out, write } = outgoing(2);
    out.stalled(0);
    expect([write(10), out.dueAt()]).toEqual([[], 50]);
    expect([out.tick(50), write(50)]).toEqual(['send', [1, 2]]);
  });

  test('is not given up by time alone: a process that was frozen asks first', () => {
    const { out, write } = outgoing(1);
    write(0);
    expect([out.tick(60_000), write(60_000)]).toEqual(['resend', [1]]);
    for (let asked = 1; asked < LIMITS.attemptsMin; asked++) {
      const now = out.dueAt();
      expect([out.tick(now), write(now)]).toEqual(['resend', [1]]);
    }
    expect(out.tick(out.dueAt())).toBe('broken');
  });
});

describe('what comes in', () => {
  const incoming = () => {
    const receiver = new Incoming<string>(LIMITS);
    receiver.greeted(3);
    return receiver;
  };

  test('is taken in order, once; what is ahead waits', () => {
    const receiver = incoming();
    expect(receiver.arrived(3, 2, 'b', 0)).toBe('ahead');
    expect(receiver.arrived(3, 1, 'a', 0)).toBe('next');
    expect(receiver.handed(0)).toBe('b');
    expect(receiver.handed(0)).toBeNull();
    expect([receiver.arrived(3, 1, 'a', 0), receiver.arrived(3, 2, 'b', 0)]).toEqual(['repeated', 'repeated']);
    expect(receiver.acked).toBe(2);
  });

  test('of an older generation is nobody’s any more, of a closed or unknown one is turned away', () => {
    const receiver = incoming();
    expect([receiver.arrived(2, 1, 'old', 0), receiver.arrived(4, 1, 'new', 0)]).toEqual(['stale', 'closed']);
    receiver.close();
    expect(receiver.arrived(3, 1, 'late', 0)).toBe('closed');
    expect([receiver.greeted(3), receiver.greeted(2), receiver.greeted(4)]).toEqual([false, false, true]);
    expect([receiver.greeted(4), receiver.greeted(5)]).toEqual([true, true]);
  });

  test('is acknowledged after some batches or some time, at once when its sender is in doubt', () => {
    const receiver = incoming();
    receiver.arrived(3, 1, 'a', 0);
    receiver.handed(0);
    expect([receiver.isAckDue(4), receiver.isAckDue(5)]).toEqual([false, true]);
    receiver.told();
    expect(receiver.isAckDue(1_000)).toBe(false);
    for (let n = 2; n < 2 + LIMITS.ackBatches; n++) receiver.handed(0);
    expect(receiver.isAckDue(0)).toBe(true);
    receiver.told();
    receiver.arrived(3, 1, 'a', 10);
    expect([receiver.isAckDue(10), receiver.isAckDue(11)]).toEqual([false, true]);
  });
});
