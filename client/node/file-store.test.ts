import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changesOf, type StoredMessage } from '../core/index.ts';
import { fileStore } from './file-store.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-'));
  file = join(folder, 'deeper', 'outbox');
});
afterEach(() => rmSync(folder, { recursive: true }));

const message = (id: string, body = new Uint8Array([0, 10, 255])): StoredMessage => ({
  id,
  chat: 'c',
  type: 2,
  body,
  about: 4,
  at: 5,
});

describe('a file store', () => {
  it('gives back what was saved, in order', async () => {
    const store = fileStore(file);
    expect(changesOf(await store.load())).toEqual([{ is: 'boot', boot: 0 }]);
    store.save([
      { is: 'owner', user: 'u', device: 'd' },
      { is: 'message', message: message('1') },
      { is: 'message', message: message('2') },
      { is: 'message', message: message('3') },
    ]);
    store.save([
      { is: 'done', id: '2' },
      { is: 'known', chat: 'c', seq: 9 },
      { is: 'read', chat: 'c', seq: 8 },
      { is: 'sync', sync: 's' },
    ]);
    await store.flush();
    await store.close();
    const stored = await fileStore(file).load();
    expect([...stored.messages.values()]).toEqual([message('1'), message('3')]);
    expect(stored).toMatchObject({ user: 'u', device: 'd', sync: 's' });
    expect(stored.known.get('c')).toBe(9);
    expect(stored.reads.get('c')).toBe(8);
  });

  it('cuts off a torn last line, and goes on after what was whole', async () => {
    const store = fileStore(file);
    await store.load();
    store.save([{ is: 'known', chat: 'c', seq: 1 }]);
    store.save([{ is: 'known', chat: 'c', seq: 2 }]);
    await store.close();
    truncateSync(file, statSync(file).size - 5);
    const second = fileStore(file);
    expect((await second.load()).known.get('c')).toBe(1);
    second.save([{ is: 'known', chat: 'c', seq: 3 }]);
    await second.close();
    appendFileSync(file, 'deadbeef {"is":"known","chat":"c","seq":99}\n'); // a line that is not ours
    expect((await fileStore(file).load()).known.get('c')).toBe(3);
  });

  it('survives being cut at any byte: what is left is what was saved up to some point', async () => {
    const store = fileStore(file);
    await store.load();
    for (let seq = 1; seq <= 5; seq++) store.save([{ is: 'known', chat: 'c', seq }]);
    await store.close();
    const whole = readFileSync(file);
    let before = 0;
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(file, whole.subarray(0, length));
      const cut = fileStore(file);
      const seq = (await cut.load()).known.get('c') ?? 0;
      await cut.close();
      expect(seq).toBeGreaterThanOrEqual(before);
      before = seq;
    }
    expect(before).toBe(5);
  });

  it('is rewritten when it is mostly history, and loses nothing by that', async () => {
    const store = fileStore(file);
    await store.load();
    store.save([{ is: 'message', message: message('kept') }]);
    const flushes: Promise<void>[] = [];
    for (let seq = 1; seq <= 20_000; seq++) {
      store.save([{ is: 'known', chat: 'c', seq }]);
      if (seq % 1_000 === 0) flushes.push(Promise.resolve(store.flush()));
    }
    await Promise.all(flushes);
    await store.close();
    expect(statSync(file).size).toBeLessThan(300_000);
    const stored = await fileStore(file).load();
    expect(stored.known.get('c')).toBe(20_000);
    expect([...stored.messages.keys()]).toEqual(['kept']);
  });

  it('leaves alone a file that is something else', () => {
    const other = join(folder, 'notes.txt');
    writeFileSync(other, 'my notes, which are dear to me\n');
    expect(() => fileStore(other).load()).toThrow('not an outbox');
    expect(readFileSync(other, 'utf8')).toContain('dear to me');
  });

  it('has what was saved when the process was killed right after', async () => {
    // Node 20 runs no TypeScript: the two files that matter become JavaScript beside the journal.
    for (const source of ['node/file-store.ts', 'core/store.ts']) {
      const text = readFileSync(join(import.meta.dirname, '..', source), 'utf8').replaceAll(".ts'", ".mjs'");
      const { outputText } = transpileModule(text, {
        compilerOptions: { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 },
      });
      const to = join(folder, source.replace('.ts', '.mjs'));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, outputText);
    }
    const script = `
      import { fileStore } from './node/file-store.mjs';
      const store = fileStore(${JSON.stringify(file)});
      await store.load();
      for (let seq = 1; ; seq++) {
        store.save([{ is: 'known', chat: 'c', seq }]);
        if (seq === 500) process.stdout.write('500');
        if (seq >= 500) await new Promise((done) => setTimeout(done, 1));
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await fileStore(file).load()).known.get('c')).toBeGreaterThanOrEqual(500);
  });
});
