import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MS, RETENTION } from '../retention.ts';
import type { Write } from '../store.ts';
import { spawnTs, type TsProcess } from '../testing/spawn-ts.ts';
import { del, entry, faultOf, put, sent } from '../testing/writes.ts';
import { type LmdbStore, openLmdbStore } from './lmdb-store.ts';

const CHILD = fileURLToPath(new URL('../testing/lmdb-child.ts', import.meta.url));
const ALL = { entries: 100_000, bytes: 1_000_000_000 };
const NOW = Date.UTC(2026, 0, 1);

let directory: string;
const stores: LmdbStore[] = [];
const children: TsProcess[] = [];
const open = async (mapBytes?: number, wallNow = () => NOW) => {
  const store = await openLmdbStore(directory, { env: { wallNow }, ...(mapBytes === undefined ? {} : { mapBytes }) });
  stores.push(store);
  return store;
};
const run = (mode: string, fileBlocksMax?: number) => {
  const child = spawnTs(CHILD, [mode, directory], fileBlocksMax);
  children.push(child);
  return child;
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'parley-lmdb-'));
});
afterEach(async () => {
  for (const { child, ended } of children.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
  for (const store of stores.splice(0)) await store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('LMDB between processes', () => {
  test('kill -9 loses nothing that was acked, and keeps every commit whole', async () => {
    const child = run('append');
    await child.line((line) => line === 'acked 600');
    child.child.kill('SIGKILL');
    expect(await child.ended).toBe('SIGKILL');
    const acked = child.lines.filter((line) => line.startsWith('acked ')).map((line) => Number(line.slice(6)));
    const store = await open();
    for (const n of acked) expect((await store.readLog(`c:${n % 7}`, n, n, ALL, false)).length).toBe(1);
    let stored = 0;
    for (let chat = 0; chat < 7; chat++) {
      const log = await store.readLog(`c:${chat}`, 1, 1e9, ALL, false);
      stored += log.length;
      for (const { n, bytes } of log) {
        expect(bytes.length).toBe(200);
        expect(await store.findSent(`${chat}`, 'ann', 'd', `m${n}`)).toBe(n);
      }
      const row = await store.readRow('chat', `${chat}`, '');
      expect(row?.stamp).toBe(log.at(-1)?.n);
    }
    expect(stored).toBeGreaterThanOrEqual(acked.length);
    expect(stored).toBeLessThanOrEqual(acked.length + 16);
  });

  test('a second process that takes the fence fences the first out, in the middle of its work', async () => {
    const child = run('append');
    await child.line((line) => line === 'acked 100');
    const store = await open();
    const fence = await store.takeFence(0, 'heir');
    const before = (
      await Promise.all([0, 1, 2, 3, 4, 5, 6].map((chat) => store.readLog(`c:${chat}`, 1, 1e9, ALL, false)))
    )
      .flat()
      .map((each) => each.n);
    expect([await child.ended, child.errors]).toEqual([0, '']);
    expect(child.lines[0]).toBe(`fence ${fence - 1}`);
    expect(child.lines.filter((line) => line === 'refused fenced').length).toBe(16);
    const acked = child.lines.filter((line) => line.startsWith('acked ')).map((line) => Number(line.slice(6)));
    // Whatever it was told to be stored, the heir saw when it had the fence; and nothing came after.
    expect(acked.filter((n) => !before.includes(n))).toEqual([]);
    const after = await Promise.all(
      [0, 1, 2, 3, 4, 5, 6].map((chat) => store.readLog(`c:${chat}`, 1, 1e9, ALL, false)),
    );
    expect(after.flat().length).toBe(before.length);
    await store.commit([entry('c:1', 1_000_000, 'mine', fence)]);
  });

  test('another process reads while the node writes, and cannot write', async () => {
    const store = await open();
    await store.commit([entry('c:live', 1)]);
    const child = run('watch');
    await child.line((line) => line.startsWith('last '));
    for (let n = 2; n <= 50; n++) await store.commit([entry('c:live', n)]);
    await child.line((line) => line === 'last 50');
    expect(await child.ended).toBe(0);
    expect(child.lines.slice(-2)).toEqual(['refused failed', 'closed']);
    const seen = child.lines.filter((line) => line.startsWith('last ')).map((line) => Number(line.slice(5)));
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  test('a full disk refuses whole commits, keeps what it has, and takes more when there is room', async () => {
    const child = run('full', 1_500);
    await child.line((line) => line === 'closed');
    // Cut short by the limit, a write says EIO; with the disk itself full, it is told apart by the room that is left.
    expect(child.lines[0]).toMatch(/^refused (full|unknown)$/);
    const rows = child.lines.slice(1, -1).map((line) => line.split(' '));
    expect(rows.length).toBeGreaterThan(10);
    for (const [n, outcome, entries, sents] of rows) {
      const there = outcome === 'acked' ? '1' : '0';
      expect([n, entries, sents]).toEqual([n, there, there]);
    }
    const store = await open();
    await store.commit([entry('c:more', 1, 'x'.repeat(100_000))]);
    expect(await store.lastOf('c:more')).toBe(1);
  });
});

test('where there is no store, none can be opened to read', async () => {
  const opening = openLmdbStore(directory, { env: { wallNow: () => NOW }, readOnly: true });
  await expect(opening).rejects.toThrow();
});

describe('LMDB with a limit of its own', () => {
  const MAP_BYTES = 2 * 1024 * 1024;
  const batch = (n: number): Write[] => [
    entry('i:u', 2 * n, 'x'.repeat(20_000)),
    entry('i:u', 2 * n + 1, 'x'.repeat(20_000)),
    sent('a', 'ann', 'd', `m${n}`, n),
    put('chat', 'a', '', n, `${n}`),
  ];

  test('is full at it, writes nothing of what it refuses, and works again when room is made', async () => {
    let now = NOW;
    const store = await open(MAP_BYTES, () => now);
    let stored = 0;
    let fault = 'none';
    for (let n = 1; fault === 'none'; n++) {
      fault = await faultOf(store.commit(batch(n)));
      if (fault === 'none') stored = n;
    }
    expect(fault).toBe('full');
    expect(stored).toBeGreaterThan(20);
    expect(await store.lastOf('i:u')).toBe(2 * stored + 1);
    expect(await store.findSent('a', 'ann', 'd', `m${stored + 1}`)).toBeNull();
    expect((await store.readRow('chat', 'a', ''))?.stamp).toBe(stored);
    expect(await faultOf(store.commit(batch(stored + 1)))).toBe('full');
    expect(statSync(join(directory, 'data.mdb')).size).toBeLessThan(2 * MAP_BYTES);

    now += RETENTION.inboxMs + DAY_MS;
    expect(await store.expire(now, 10_000)).toBe(3 * stored);
    await store.commit(batch(stored + 1));
    expect(await store.lastOf('i:u')).toBe(2 * stored + 3);
  });

  test('and opened again with more room, it goes on', async () => {
    const first = await open(MAP_BYTES);
    let n = 1;
    while ((await faultOf(first.commit(batch(n)))) === 'none') n++;
    await first.close();
    const second = await open(2 * MAP_BYTES);
    await second.commit(batch(n));
    expect(await second.lastOf('i:u')).toBe(2 * n + 1);
  });
});

describe('LMDB’s sweep', () => {
  test('leaves no mark behind, and touches nothing that is still due', async () => {
    let now = NOW;
    const store = await open(undefined, () => now);
    for (let day = 0; day < 5; day++) {
      now = NOW + day * DAY_MS;
      const writes: Write[] = [];
      for (let user = 0; user < 20; user++)
        writes.push(entry(`i:${user}`, day + 1), sent(`${user}`, 'a', 'd', `${day}`, day));
      for (let user = 0; user < 20; user++)
        writes.push(put('dirty', '1', `${user}`, 2 * day, ''), del('dirty', '1', `${user}`, 2 * day + 1));
      await store.commit(writes);
    }
    let removed = 0;
    for (let day = 0; day < 40; day++) {
      now = NOW + day * DAY_MS;
      for (let i = 0; i < 10; i++) removed += await store.expire(now, 15);
    }
    expect(removed).toBe(5 * 20 * 2 + 20);
    expect(await store.expire(now + 100 * DAY_MS, 1_000)).toBe(0);
    for (let user = 0; user < 20; user++) expect(await store.lastOf(`i:${user}`)).toBe(5);
  });
});

describe('an LMDB store, given what no store takes', () => {
  test('refuses that alone, with its own error', async () => {
    const store = await open();
    const good = [1, 2].map((n) => store.commit([entry('c:a', n)]));
    const bad = [store.commit([entry('c:a', -1)]), store.commit([entry(`c:${'x'.repeat(300)}`, 1)])];
    const more = store.commit([entry('c:a', 3)]);
    for (const commit of bad) await expect(commit).rejects.toThrow(RangeError);
    await Promise.all([...good, more]);
    expect(await store.lastOf('c:a')).toBe(3);
  });
});
