import { describe, expect, test } from 'vitest';
import { advanced, FENCE_STAMPS, openLog, RECORD_EVERY, readEntries, recordDue, recordWrite } from './fenced-log.ts';
import { LogOpener } from './log-opener.ts';
import { decodeRecord } from './log-record.ts';
import { createMemoryDisk, openMemoryStore } from './memory/index.ts';
import type { Entry, LogId, Store, Write } from './store.ts';
import { LandingDisk } from './testing/landing-store.ts';
import { testEnv } from './testing/test-env.ts';
import { bytesOf, entry, faultOf, sent, textOf } from './testing/writes.ts';

const LOG: LogId = 'c:x';
const ALL = { entries: 100, bytes: 1_000_000 };
const indexOf = (_log: LogId, { n, bytes }: Entry, fence: number): Write =>
  sent('x', 'u', 'd', textOf(bytes), n, fence);
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads and commits go through at once, but for rows that `keeps` holds back: they land on so many replicas. */
class Bed {
  readonly disk = new LandingDisk(() => this.dice());
  readonly store: Store = this.disk.open('test');
  #state: number;

  /** `seed`: of the dice that choose the replicas that a read asks. */
  constructor(seed = 0) {
    this.#state = seed;
  }

  /** The linear congruential generator of Numerical Recipes: the same in every run. */
  dice(): number {
    this.#state = (this.#state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return this.#state / 2 ** 32;
  }

  async through<T>(work: Promise<T>, replicas: (write: Write) => 0 | 1 | 3 = () => 3): Promise<T> {
    let over = false;
    const end = (): void => {
      over = true;
    };
    work.then(end, end);
    for (let i = 0; i < 100 && !over; i++) {
      for (const asked of [...this.disk.asked]) this.disk.perform(asked);
      for (const flight of [...this.disk.flights]) {
        const copies = replicas(flight.write);
        if (copies > 0) this.disk.land(flight, copies === 3);
        if (copies < 3) {
          this.disk.forget(flight);
          this.disk.giveUp(flight);
        }
      }
      await tick();
    }
    return work;
  }

  put(...writes: Write[]): Promise<void> {
    return this.through(this.store.commit(writes));
  }

  open(fence: number, log: LogId = LOG) {
    return this.through(openLog(this.store, log, fence, indexOf, (writes) => this.store.commit(writes)));
  }

  async texts(fence?: number, log: LogId = LOG): Promise<string[]> {
    const row = fence === undefined ? null : await this.through(this.store.readRow('log', log, ''));
    const record = row === null ? null : decodeRecord(row.bytes);
    const found = await this.through(readEntries(this.store, log, 1, 99, ALL, false, record));
    return found.map(({ bytes }) => textOf(bytes));
  }
}

test('on a transactional store a log ends where its rows end, and has no record', async () => {
  const store = openMemoryStore(createMemoryDisk(), { env: testEnv({ auto: true }).env });
  const fence = await store.takeFence(0, 'n');
  await store.commit([entry(LOG, 1), entry(LOG, 2)]);
  expect(await openLog(store, LOG, fence, indexOf, (writes) => store.commit(writes))).toEqual({ end: 2, record: null });
});

describe('opening', () => {
  test('an empty log writes nothing: its record goes with its first entry', async () => {
    const bed = new Bed();
    const { end, record } = await bed.open(3);
    expect(end).toBe(0);
    expect(record).toEqual({ fence: 3, starts: [[3, 1]], head: 0, stamp: 3 * FENCE_STAMPS, owed: true });
    expect(await bed.through(bed.store.readRow('log', LOG, ''))).toBeNull();
    if (record === null) throw new Error('no record');
    expect(recordDue(record, 0)).toBe(true);
    await bed.put(entry(LOG, 1, 'a', 3), recordWrite(LOG, advanced(record, 0)));
    expect(await bed.texts()).toEqual(['a']);
  });

  test('adopts what is there up to the first number without a row that counts, and voids what lands later', async () => {
    const bed = new Bed();
    const first = advanced((await bed.open(1)).record ?? (undefined as never), 0);
    await bed.put(entry(LOG, 1, 'a', 1), recordWrite(LOG, first));
    await bed.put(entry(LOG, 2, 'b', 1), entry(LOG, 4, 'd', 1));
    const second = await bed.open(2);
    expect(second.end).toBe(2);
    expect(second.record?.starts).toEqual([
      [1, 1],
      [2, 3],
    ]);
    await bed.put(entry(LOG, 3, 'late', 1), entry(LOG, 3, 'mine', 2));
    expect(await bed.texts()).toEqual(['a', 'b', 'mine']);
    // The index of what was adopted is complete.
    expect(await bed.through(bed.store.findSent('x', 'u', 'd', 'b'))).toBe(2);
    expect(bed.disk.faults).toEqual([]);
  });

  // A quorum may or may not meet that one replica: what the opening found then holds for every later reader.
  test('makes a row that one replica had one that a quorum has, or one that never counts', async () => {
    const ends = new Map<number, number>();
    for (let seed = 0; seed < 40; seed++) {
      const bed = new Bed(seed);
      const first = advanced((await bed.open(1)).record ?? (undefined as never), 0);
      await bed.put(entry(LOG, 1, 'a', 1), recordWrite(LOG, first));
      await bed.through(bed.store.commit([entry(LOG, 2, 'b', 1)]), () => 1).catch(() => {});
      const { end } = await bed.open(2);
      ends.set(end, (ends.get(end) ?? 0) + 1);
      for (let i = 0; i < 10; i++) expect(await bed.texts()).toEqual(end === 2 ? ['a', 'b'] : ['a']);
      expect((await bed.open(3)).end).toBe(end);
    }
    expect([...ends.keys()].sort()).toEqual([1, 2]);
  });

  test('again by the same owner changes nothing', async () => {
    const bed = new Bed();
    const { record } = await bed.open(1);
    if (record === null) throw new Error('no record');
    const stored = advanced(record, 0);
    await bed.put(entry(LOG, 1, 'a', 1), recordWrite(LOG, stored));
    await bed.put(entry(LOG, 2, 'b', 1));
    const again = await bed.open(1);
    expect(again).toEqual({ end: 2, record: { ...stored, owed: false } });
    expect(bed.disk.flights).toEqual([]);
  });

  test('under an older fence than the record is refused', async () => {
    const bed = new Bed();
    const { record } = await bed.open(5);
    await bed.put(entry(LOG, 1, 'a', 5), recordWrite(LOG, advanced(record ?? (undefined as never), 0)));
    expect(await faultOf(bed.open(4))).toBe('fenced');
  });

  test('an inbox whose oldest entries have expired keeps the rest; a chat would end there', async () => {
    for (const [log, end] of [
      ['i:u', 4],
      ['c:u', 0],
    ] as const) {
      const bed = new Bed();
      const { record } = await bed.open(1, log);
      await bed.put(entry(log, 3, 'c', 1), entry(log, 4, 'd', 1), entry(log, 6, 'hole', 1));
      await bed.put(recordWrite(log, advanced(record ?? (undefined as never), 0)));
      const next = await bed.open(2, log);
      expect(next.end).toBe(end);
      if (end > 0) expect(await bed.texts(2, log)).toEqual(['c', 'd']);
    }
  });
});

test('the record is due when it is owed, or when its head has fallen behind', () => {
  const record = { fence: 1, starts: [], head: 10, stamp: 5, owed: false };
  expect(recordDue(record, 10 + RECORD_EVERY - 1)).toBe(false);
  expect(recordDue(record, 10 + RECORD_EVERY)).toBe(true);
  expect(recordDue({ ...record, owed: true }, 10)).toBe(true);
  expect(advanced(record, 300)).toEqual({ fence: 1, starts: [], head: 300, stamp: 6, owed: false });
  expect(advanced(record, 3).head).toBe(10);
});

describe('the opener', () => {
  const adopted = async (): Promise<Bed> => {
    const bed = new Bed();
    const { record } = await bed.open(1);
    await bed.put(entry(LOG, 1, 'a', 1), recordWrite(LOG, advanced(record ?? (undefined as never), 0)));
    return bed;
  };

  test('writes again what it began, until that is known, and only then reads again', async () => {
    const bed = await adopted();
    const { env, advance } = testEnv();
    const opener = new LogOpener(bed.store, indexOf, () => false);
    const first = opener.open(env, LOG, 2);
    const second = opener.open(env, LOG, 2);
    expect(opener.open(env, LOG, 2)).toBe(second);
    const step = async (replicas: 0 | 1 | 3): Promise<void> => {
      for (const asked of [...bed.disk.asked]) bed.disk.perform(asked);
      await tick();
      for (const flight of [...bed.disk.flights]) {
        if (replicas > 0) bed.disk.land(flight, replicas === 3);
        if (replicas < 3) bed.disk.giveUp(flight);
      }
      await advance(50);
    };
    for (let i = 0; i < 4; i++) await step(1);
    // The row's late copies may be anywhere; a row that landed here has changed nothing for the tries after it.
    await bed.put(entry(LOG, 2, 'late', 1));
    for (let i = 0; i < 10; i++) await step(3);
    expect((await first).end).toBe(1);
    const again = await second;
    expect(again.end).toBe(1);
    expect(again.record?.starts).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(bed.disk.faults).toEqual([]);
  });

  test('an opening that comes late still finds a log empty that its owner found empty: its first entry may be under way', async () => {
    const bed = new Bed();
    const { env } = testEnv();
    const opener = new LogOpener(bed.store, indexOf, () => false);
    const first = await bed.through(opener.open(env, LOG, 2));
    const late = { fence: 1, starts: [[1, 1]] as const, head: 0, stamp: FENCE_STAMPS, owed: false };
    await bed.put(entry(LOG, 1, 'late', 1), recordWrite(LOG, late));
    expect(await bed.through(opener.open(env, LOG, 2))).toEqual(first);
    expect(first).toMatchObject({ end: 0, record: { starts: [[2, 1]], owed: true } });
    await bed.put(entry(LOG, 1, 'mine', 2), recordWrite(LOG, advanced(first.record ?? (undefined as never), 0)));
    expect(await bed.through(opener.open(env, LOG, 2))).toMatchObject({ end: 1, record: { owed: false } });
    expect(await bed.texts()).toEqual(['mine']);
  });

  test('gives up with the process, and hears of a newer owner', async () => {
    const bed = await adopted();
    const { env, advance } = testEnv();
    let ends = false;
    const opener = new LogOpener(bed.store, indexOf, () => ends);
    const opening = faultOf(opener.open(env, LOG, 2));
    for (const turn of [0, 1, 2, 3]) {
      if (turn === 3) ends = true;
      for (const asked of [...bed.disk.asked]) bed.disk.perform(asked);
      await tick();
      for (const flight of [...bed.disk.flights]) bed.disk.giveUp(flight);
      await advance(50);
    }
    expect(await opening).toBe('unknown');
    const row = recordWrite(LOG, { fence: 9, starts: [[9, 1]], head: 0, stamp: 9 * FENCE_STAMPS, owed: false });
    await bed.put(row);
    expect(await faultOf(bed.through(opener.open(env, LOG, 2)))).toBe('fenced');
  });
});

describe('reading', () => {
  test('pages past rows that do not count', async () => {
    const bed = new Bed();
    const writes = Array.from({ length: 40 }, (_, i) => [
      entry(LOG, i + 1, `void ${i}`, 1),
      entry(LOG, i + 1, `m${i}`, 2),
    ]);
    await bed.put(...writes.flat());
    await bed.put(recordWrite(LOG, { fence: 2, starts: [[2, 1]], head: 0, stamp: 1, owed: false }));
    const page = await bed.through(readEntries(bed.store, LOG, 1, 40, { entries: 1, bytes: 1_000 }, false));
    expect(page.map(({ bytes }) => textOf(bytes))).toEqual(['m0']);
    const back = await bed.through(readEntries(bed.store, LOG, 1, 40, { entries: 3, bytes: 1_000 }, true));
    expect(back.map(({ n }) => n)).toEqual([40, 39]);
    expect(bytesOf('m0')).toEqual(page[0]?.bytes);
  });

  test('gives no more bytes than asked for, also when it had to read on past rows that do not count', async () => {
    const bed = new Bed();
    const writes = Array.from({ length: 20 }, (_, i) => entry(LOG, i + 1, `m${i}`, 2));
    await bed.put(entry(LOG, 1, 'x', 1), ...writes);
    await bed.put(recordWrite(LOG, { fence: 2, starts: [[2, 1]], head: 0, stamp: 1, owed: false }));
    const page = await bed.through(readEntries(bed.store, LOG, 1, 20, { entries: 20, bytes: 2 }, false));
    expect(page.map(({ bytes }) => textOf(bytes))).toEqual(['m0']);
  });
});
