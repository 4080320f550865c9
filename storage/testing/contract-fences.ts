// What every store keeps of fences: who may write, and what a store that takes late writes does with them. A part of
// storage/contract.ts.
import { describe, expect, test } from 'vitest';
import { ALL, EVER, numbers, type StoreTraits, type TestBed } from './test-bed.ts';
import { entry, faultOf, put, sent, textOf } from './writes.ts';

export function fencesContract(bed: TestBed, traits: StoreTraits): void {
  describe('fences', () => {
    test('each taking gets a higher one, over restarts too', async () => {
      const first = await bed.store.takeFence(1, 'n1');
      const second = await bed.store.takeFence(1, 'n1');
      expect(second).toBeGreaterThan(first);
      await bed.store.close();
      bed.store = await bed.open();
      expect(await bed.store.takeFence(1, 'n1')).toBeGreaterThan(second);
    });

    test('an owner may take it for many shards and write under each', async () => {
      const fences: number[] = [];
      for (let shard = 0; shard < 4; shard++) fences.push(await bed.store.takeFence(shard, 'n1'));
      await bed.store.commit(fences.map((fence, i) => entry('c:a', i + 1, 'x', fence)));
      expect(await bed.store.lastOf('c:a')).toBe(4);
    });

    test('the last taking of each is told, with its owner and the highest epoch named', async () => {
      expect(await bed.store.fences()).toEqual([]);
      await bed.store.takeFence(7, 'n1#a', 3);
      const fence = await bed.store.takeFence(7, 'n2#b', 5);
      expect(await bed.store.fences()).toEqual([{ shard: 7, fence, owner: 'n2#b', epoch: 5 }]);
      const later = await bed.store.takeFence(7, 'n1#c', 4);
      expect(await bed.store.fences()).toEqual([{ shard: 7, fence: later, owner: 'n1#c', epoch: 5 }]);
      await bed.store.close();
      bed.store = await bed.open();
      expect(await bed.store.fences()).toEqual([{ shard: 7, fence: later, owner: 'n1#c', epoch: 5 }]);
      const last = await bed.store.takeFence(7, 'n1#c');
      expect(await bed.store.fences()).toEqual([{ shard: 7, fence: last, owner: 'n1#c', epoch: 5 }]);
    });

    test('handles that race for it never get the same one', async () => {
      const handles = [bed.store, await bed.open(), await bed.open()];
      const taken: number[] = [];
      for (let round = 0; round < 10; round++) {
        taken.push(...(await Promise.all(handles.map((handle, i) => handle.takeFence(1, `n${i}`, round)))));
      }
      expect(new Set(taken).size).toBe(30);
      const [row] = await bed.store.fences();
      expect(row).toMatchObject({ shard: 1, fence: Math.max(...taken), epoch: 9 });
    });

    // Not on a store whose rows land one by one: there an older fence's entry lands beside the newer one, see 'late writes'.
    const onTransactional = test.runIf(traits.fencesAll ?? true);

    onTransactional('writes of an entry under an older fence are void, all of the commit', async () => {
      expect(bed.store.transactional).toBe(true);
      const old = await bed.store.takeFence(1, 'n1');
      const fence = await bed.store.takeFence(1, 'n1');
      expect(await faultOf(bed.store.commit([entry('c:a', 1, 'x', fence), entry('c:b', 1, 'x', old)]))).toBe('fenced');
      expect(await bed.store.lastOf('c:a')).toBe(0);
      await bed.store.commit([entry('c:a', 1, 'x', fence)]);
    });

    onTransactional('who is taken over from can write nothing more', async () => {
      const mine = await bed.store.takeFence(1, 'n1');
      await bed.store.commit([entry('c:a', 1, 'mine', mine)]);
      const other = await bed.open();
      const theirs = await other.takeFence(1, 'n2');
      expect(theirs).toBeGreaterThan(mine);
      expect(await faultOf(bed.store.commit([entry('c:a', 2, 'late', mine)]))).toBe('fenced');
      expect(await faultOf(bed.store.commit([put('chat', 'a', '', 9, 'late')]))).toBe('fenced');
      expect(await faultOf(bed.store.commit([sent('a', 'ann', 'd', 'm', 2)]))).toBe('fenced');
      await other.commit([entry('c:a', 2, 'theirs', theirs)]);
      const log = await other.readLog('c:a', 1, EVER, ALL, false);
      expect(log.map((each) => textOf(each.bytes))).toEqual(['mine', 'theirs']);
      expect(await other.readRow('chat', 'a', '')).toBeNull();
      expect(await other.findSent('a', 'ann', 'd', 'm')).toBeNull();
    });

    onTransactional('a commit that races a take-over is there for the new owner, or refused', async () => {
      const mine = await bed.store.takeFence(1, 'n1');
      const other = await bed.open();
      const racing = [1, 2, 3].map((n) => faultOf(bed.store.commit([entry('c:a', n, 'mine', mine)])));
      await other.takeFence(1, 'n2');
      const seen = numbers(await other.readLog('c:a', 1, EVER, ALL, false));
      const faults = await Promise.all(racing);
      expect(seen).toEqual([1, 2, 3].filter((n) => faults[n - 1] === 'none'));
      expect(faults.every((fault) => fault === 'none' || fault === 'fenced')).toBe(true);
    });
  });

  // Not on a transactional store, which takes no late write.
  describe.runIf(traits.fencesAll === false)('late writes', () => {
    test('an entry of an older fence lands beside the newer one, and takes nothing from it', async () => {
      expect(bed.store.transactional).toBe(false);
      await bed.store.commit([entry('c:a', 1, 'new', 7)]);
      await bed.store.commit([entry('c:a', 1, 'late', 6), entry('c:a', 2, 'late', 6)]);
      const rows = await bed.store.readLog('c:a', 1, EVER, ALL, false);
      expect(rows.map((each) => [each.n, each.fence, textOf(each.bytes)])).toEqual([
        [1, 6, 'late'],
        [1, 7, 'new'],
        [2, 6, 'late'],
      ]);
    });

    test('the newest fence has the index of sent ids', async () => {
      await bed.store.commit([sent('c', 'ann', 'd', 'm', 8, 7)]);
      await bed.store.commit([sent('c', 'ann', 'd', 'm', 3, 6)]);
      expect(await bed.store.findSent('c', 'ann', 'd', 'm')).toBe(8);
      await bed.store.commit([sent('c', 'ann', 'd', 'm', 2, 9)]);
      expect(await bed.store.findSent('c', 'ann', 'd', 'm')).toBe(2);
    });
  });
}
