import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLOSE_CODES, OP } from '../../protocol/index.ts';
import { Saying, Unconfirmed } from './ack-state.ts';
import { BACKOFF, backoffMs, ceilingOf, Reconnects } from './backoff.ts';
import { lossOf, mayFollow } from './link-state.ts';
import { Receipts } from './receipts.ts';
import { applyChange, changesOf, emptyStored, type StoreChange } from './store.ts';

describe('confirmations', () => {
  it('reach up to before the first entry that someone has not taken', () => {
    const open = new Unconfirmed();
    open.add(5, 2);
    open.add(7, 1);
    expect(open.confirmed(8)).toBe(4);
    open.one(7);
    open.one(5);
    expect(open.confirmed(8)).toBe(4);
    open.one(5);
    expect(open.confirmed(8)).toBe(8);
  });

  it('are cumulative when the application acks itself', () => {
    const open = new Unconfirmed();
    for (const seq of [1, 2, 4]) open.add(seq, 1);
    open.upTo(2);
    expect(open.confirmed(4)).toBe(3); // 3 is nobody's: nothing is in its way
  });

  it('are said as the highest number of each chat, 64 chats to a frame', () => {
    const saying = new Saying();
    for (let i = 0; i < 130; i++) saying.mark(`c${i}`, i + 1);
    saying.mark('c7', 3);
    saying.mark('c7', 99);
    const lists = saying.take();
    expect(lists.map((list) => list.length)).toEqual([64, 64, 2]);
    expect(lists[0]?.[7]).toEqual({ chat: 'c7', seq: 99 });
    expect(saying.size).toBe(0);
  });
});

describe('backoff', () => {
  it('is random from 0 to a ceiling that doubles from half a second to 20 s', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (n, chance) => {
          const ms = backoffMs(n, () => chance);
          expect(ms).toBeGreaterThanOrEqual(0);
          expect(ms).toBeLessThanOrEqual(Math.min(BACKOFF.maxMs, 500 * 2 ** (n - 1)));
        },
      ),
    );
    expect(backoffMs(3, () => 0.5)).toBe(1_000);
    expect(backoffMs(90, () => 0.5)).toBe(10_000);
  });

  it('is five seconds at the most where a living server has an actor out of reach', () => {
    const waits = ['unavailable', 'overloaded', null].map((code) => backoffMs(90, () => 0.999_999, ceilingOf(code)));
    expect(waits).toEqual([4_999, 19_999, 19_999]);
  });

  it('tries again within half a second at first', () => {
    const reconnects = new Reconnects();
    expect(reconnects.lost(0, () => 0.999)).toBeLessThan(500);
    expect(reconnects.lost(0, () => 0.999)).toBeGreaterThan(500);
  });

  it('is reset only by a connection that was healthy for 10 s', () => {
    const reconnects = new Reconnects();
    for (let i = 0; i < 5; i++) reconnects.lost(0, Math.random);
    reconnects.online(0);
    reconnects.lost(9_999, Math.random);
    expect(reconnects.attempt).toBe(6);
    reconnects.online(20_000);
    reconnects.lost(30_000, Math.random);
    expect(reconnects.attempt).toBe(1);
  });
});

describe('after a loss', () => {
  const loss = (code: number, fault: string | null = null, reused = false) =>
    lossOf(
      code,
      'lost',
      fault === null ? null : { code: fault, retry: fault === 'token_expired', afterMs: 70, at: 0 },
      0,
      reused,
    );

  it('the client does what the close code says', () => {
    for (const { code, action } of Object.values(CLOSE_CODES)) expect(loss(code).action).toBe(action);
    expect(loss(1006).action).toBe('reconnect');
    expect(loss(4999).action).toBe('reconnect');
  });

  it('a stale token is replaced before the client stops for it', () => {
    const { unauthenticated, tokenExpired } = CLOSE_CODES;
    expect(loss(unauthenticated.code, null, true)).toMatchObject({ action: 'reconnect', freshToken: true });
    expect(loss(unauthenticated.code, 'token_expired')).toMatchObject({ action: 'reconnect', freshToken: true });
    expect(loss(tokenExpired.code)).toMatchObject({ action: 'reconnect', freshToken: true });
  });

  it('an error that explains it counts when the close code is lost, with its delay', () => {
    expect(loss(1006, 'revoked')).toMatchObject({ action: 'stop', reason: 'revoked' });
    expect(loss(1006, 'overloaded')).toMatchObject({ action: 'reconnect', reason: 'overloaded', afterMs: 70 });
    const old = lossOf(1006, 'lost', { code: 'revoked', retry: false, afterMs: 70, at: 0 }, 5_001, false);
    expect(old).toMatchObject({ action: 'reconnect', reason: 'lost', afterMs: 0 });
  });

  it('a server cannot send the client from a safe connection to an open one', () => {
    expect(mayFollow('wss://a', 'ws://b')).toBe(false);
    expect(mayFollow('wss://a', 'wss://b')).toBe(true);
    expect(mayFollow('ws://a', 'http://b')).toBe(false);
  });
});

describe('receipts', () => {
  const receipt = (delivered: number, read: number, user = 'bob') => ({
    op: OP.RECEIPT,
    chat: 'c',
    user,
    delivered,
    read,
  });
  const counts = (seq: number, delivered: number, read: number) => ({
    op: OP.COUNTS,
    chat: 'g',
    seq,
    delivered,
    read,
    members: 3,
  });

  it('only grow, and say nothing when they say nothing new', () => {
    const receipts = new Receipts();
    expect(receipts.receipt(receipt(5, 2), 'me')).toMatchObject({ delivered: 5, read: 2 });
    expect(receipts.receipt(receipt(4, 3), 'me')).toMatchObject({ delivered: 5, read: 3 });
    expect(receipts.receipt(receipt(1, 1), 'me')).toBeNull();
    expect(receipts.of('c')).toEqual({ delivered: 5, read: 3 });
  });

  it('of what is read is also delivered', () => {
    const receipts = new Receipts();
    expect(receipts.receipt(receipt(0, 4), 'me')).toMatchObject({ delivered: 4, read: 4 });
  });

  it('of this user, from another device, do not count as delivered to others', () => {
    const receipts = new Receipts();
    expect(receipts.receipt(receipt(9, 9, 'me'), 'me')).not.toBeNull();
    expect(receipts.of('c')).toEqual({ delivered: 0, read: 0 });
  });

  it('of a group raise the status once all have it, and belong to the newest message', () => {
    const receipts = new Receipts();
    receipts.counts(counts(7, 2, 0));
    expect(receipts.of('g').delivered).toBe(0);
    receipts.counts(counts(7, 3, 1));
    expect(receipts.of('g')).toEqual({ delivered: 7, read: 0 });
    receipts.counts(counts(8, 0, 0));
    expect(receipts.counts(counts(7, 3, 3))).toBeNull();
    expect(receipts.of('g').delivered).toBe(7);
  });
});

describe('the changes of a store', () => {
  it('made from a store make the same store again', () => {
    const message = (id: string) => ({ id, chat: 'c', type: 1, body: new Uint8Array([1]), about: 3, at: 5 });
    const changes: StoreChange[] = [
      { is: 'boot', boot: 3 },
      { is: 'owner', user: 'u', device: 'd' },
      { is: 'known', chat: 'a', seq: 5 },
      { is: 'known', chat: 'b', seq: 2 },
      { is: 'known', chat: 'a', seq: 4 },
      { is: 'read', chat: 'a', seq: 4 },
      { is: 'read', chat: 'b', seq: 2 },
      { is: 'readStored', chat: 'b' },
      { is: 'sync', sync: 's' },
      { is: 'message', message: message('1') },
      { is: 'message', message: message('2') },
      { is: 'done', id: '1' },
    ];
    const stored = emptyStored();
    for (const change of changes) applyChange(stored, change);
    expect([...stored.known]).toEqual([
      ['b', 2],
      ['a', 5],
    ]);
    expect([...stored.reads]).toEqual([['a', 4]]);
    const again = emptyStored();
    for (const change of changesOf(stored)) applyChange(again, change);
    expect(again).toEqual(stored);
  });
});
