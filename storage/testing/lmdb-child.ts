// A process with the LMDB store open, for lmdb-process.test.ts: says each thing that happened on a line of its own.
import { writeSync } from 'node:fs';
import { openLmdbStore } from '../lmdb/index.ts';
import { StoreError, type Write } from '../store.ts';

const [mode = '', directory = ''] = process.argv.slice(2);
const idle = new Int32Array(new SharedArrayBuffer(4));
/** At once, and whole: the pipe takes no more while the test that reads it stands still. */
const say = (line: string): void => {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(idle, 0, 0, 1);
    }
  }
};
const env = { wallNow: () => Date.now() };
const ALL = { entries: 10_000, bytes: 100_000_000 };

const writesOf = (n: number, fence: number, size: number): Write[] => [
  { t: 'entry', log: `c:${n % 7}`, n, fence, bytes: Buffer.alloc(size, n) },
  { t: 'sent', chat: `${n % 7}`, sender: 'ann', device: 'd', id: `m${n}`, n, fence },
  { t: 'put', table: 'chat', partition: `${n % 7}`, key: '', stamp: n, bytes: Buffer.from(`${n}`) },
];

if (mode === 'append') {
  const store = await openLmdbStore(directory, { env });
  const fence = await store.takeFence(0, 'child');
  say(`fence ${fence}`);
  let n = 0;
  const append = async (): Promise<void> => {
    for (;;) {
      const mine = ++n;
      try {
        await store.commit(writesOf(mine, fence, 200));
      } catch (error) {
        say(`refused ${error instanceof StoreError ? error.fault : String(error)}`);
        break;
      }
      say(`acked ${mine}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, append));
  await store.close();
} else if (mode === 'full') {
  // As a full disk: the kernel refuses what is beyond the limit, and would end us with a signal if we did not listen to it.
  process.on('SIGXFSZ', () => {});
  const store = await openLmdbStore(directory, { env });
  let last = 0;
  for (let n = 1; ; n++) {
    try {
      await store.commit([...writesOf(2 * n, 1, 30_000), ...writesOf(2 * n + 1, 1, 30_000)]);
      last = n;
    } catch (error) {
      say(`refused ${error instanceof StoreError ? error.fault : String(error)}`);
      break;
    }
  }
  for (let n = 2; n <= 2 * last + 3; n++) {
    const entries = await store.readLog(`c:${n % 7}`, n, n, ALL, false);
    const sent = await store.findSent(`${n % 7}`, 'ann', 'd', `m${n}`);
    say(`${n} ${n <= 2 * last + 1 ? 'acked' : 'refused'} ${entries.length} ${sent === n ? 1 : 0}`);
  }
  await store.close();
  say('closed');
} else if (mode === 'watch') {
  const store = await openLmdbStore(directory, { env, readOnly: true });
  let seen = -1;
  for (;;) {
    const last = await store.lastOf('c:live');
    if (last !== seen) say(`last ${last}`);
    seen = last;
    if (last >= 50) break;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  try {
    await store.commit(writesOf(1, 1, 1));
  } catch (error) {
    say(`refused ${error instanceof StoreError ? error.fault : String(error)}`);
  }
  await store.close();
  say('closed');
}
