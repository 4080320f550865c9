import { describe, expect, it } from 'vitest';
import { createClient, memoryStore, type OutboxStore, type ParleyClient } from './core/index.ts';
import { createTestServer, type ManualEnv, manualEnv, type TestServer } from './testing/index.ts';

interface World {
  readonly env: ManualEnv;
  readonly server: TestServer;
  join(user: string, device?: string, store?: OutboxStore, more?: object): ParleyClient;
}

function world(): World {
  const env = manualEnv();
  const server = createTestServer({ env });
  return {
    env,
    server,
    join: (user, device = `${user}-1`, store = memoryStore(), more = {}) =>
      createClient(server.url, { device, store, ...server.as(user), ...more }),
  };
}

function heard(client: ParleyClient): string[] {
  const texts: string[] = [];
  client.on('message', (entry) => {
    if (entry.type === 0) texts.push(`${entry.seq}:${entry.text}`);
  });
  return texts;
}

async function pair(w: World) {
  const a = w.join('alice');
  const b = w.join('bob');
  const [aTexts, bTexts] = [heard(a), heard(b)];
  await w.env.advance(100);
  const made = a.direct('bob');
  await w.env.advance(100);
  const chat = await made;
  return { a, b, aTexts, bTexts, chat };
}

describe('a client and a server', () => {
  it('shows a message to the other user, and to the sender at its number', async () => {
    const w = world();
    const { aTexts, bTexts, chat } = await pair(w);
    const message = chat.send({ text: 'hi' });
    expect(message.status).toBe('queued');
    const sent = message.sent();
    await w.env.advance(10);
    expect(await sent).toMatchObject({ seq: 2 });
    expect(bTexts).toEqual(['2:hi']);
    expect(aTexts).toEqual(['2:hi']);
  });

  it('moves a message from queued over sent and delivered to read', async () => {
    const w = world();
    const { b, chat } = await pair(w);
    const message = chat.send({ text: 'hi' });
    const steps: string[] = [];
    message.on('status', (status) => steps.push(status));
    await w.env.advance(200);
    b.chat(chat.id).read(2);
    await w.env.advance(200);
    expect(steps).toEqual(['sent', 'delivered', 'read']);
    expect(message.status).toBe('read');
  });

  it('loses and doubles nothing when the network is cut again and again while both write', async () => {
    const w = world();
    w.server.delay(30);
    const { a, b, aTexts, bTexts, chat } = await pair(w);
    const other = b.chat(chat.id);
    for (let i = 0; i < 60; i++) {
      chat.send({ text: `a${i}` });
      other.send({ text: `b${i}` });
      await w.env.advance(45);
      if (i % 7 === 3) w.server.drop(i % 2 === 0 ? 'alice' : 'bob');
    }
    await w.env.advance(60_000);
    expect(a.outbox()).toEqual([]);
    expect(b.outbox()).toEqual([]);
    expect(aTexts).toHaveLength(120);
    expect(aTexts).toEqual(bTexts);
    const own = bTexts.map((text) => text.split(':')[1]).filter((text) => text?.startsWith('a'));
    expect(own).toEqual(Array.from({ length: 60 }, (_, i) => `a${i}`));
  });

  it('shows nothing twice when every frame comes twice', async () => {
    const w = world();
    w.server.duplicate();
    const { bTexts, chat } = await pair(w);
    for (let i = 0; i < 40; i++) chat.send({ text: String(i) });
    await w.env.advance(5_000);
    expect(bTexts).toEqual(Array.from({ length: 40 }, (_, i) => `${i + 2}:${i}`));
  });

  it('sends after a restart what was left in the store, once', async () => {
    const w = world();
    const store = memoryStore();
    const b = w.join('bob');
    const bTexts = heard(b);
    const a = w.join('alice', 'a1', store);
    await w.env.advance(100);
    const made = a.direct('bob');
    await w.env.advance(100);
    const { id } = await made;
    w.server.delay(50);
    a.chat(id).send({ text: 'one' });
    await w.env.advance(60);
    w.server.drop('alice'); // the server has it, but the answer never comes
    a.chat(id).send({ text: 'two' });
    void a.close();
    const again = w.join('alice', 'a1', store);
    expect(again.outbox()).toHaveLength(2);
    await w.env.advance(10_000);
    expect(again.outbox()).toHaveLength(0);
    expect(bTexts).toEqual(['2:one', '3:two']);
  });

  it('shows a restarted device what it has not had, and not what it has had', async () => {
    const w = world();
    const store = memoryStore();
    const { b, chat } = await pair(w);
    void b.close();
    const second = w.join('bob', 'b2', store);
    const before = heard(second);
    await w.env.advance(1_000);
    chat.send({ text: 'one' });
    await w.env.advance(1_000);
    void second.close();
    chat.send({ text: 'two' });
    await w.env.advance(1_000);
    const third = w.join('bob', 'b2', store);
    const after = heard(third);
    await w.env.advance(1_000);
    expect(before).toEqual(['2:one']);
    expect(after).toEqual(['3:two']);
  });

  it('reads a gap from history, in order, before what follows', async () => {
    const w = world();
    const { a, b, chat, bTexts } = await pair(w);
    w.server.drop('bob');
    const resumed: boolean[] = [];
    b.on('resumed', (event) => resumed.push(event.resumed));
    for (let i = 0; i < 250; i++) chat.send({ text: String(i) });
    w.server.forgetDevices();
    await w.env.advance(5_000);
    chat.send({ text: 'last' });
    await w.env.advance(5_000);
    expect(a.outbox()).toEqual([]);
    expect(resumed.at(-1)).toBe(false);
    expect(bTexts).toHaveLength(251);
    expect(bTexts.at(-1)).toBe('252:last');
  });

  it('works in groups: members come, hear only what is theirs, and go', async () => {
    const w = world();
    const [a, b, c] = [w.join('alice'), w.join('bob'), w.join('carol')];
    const [bTexts, cTexts] = [heard(b), heard(c)];
    await w.env.advance(100);
    const made = a.createGroup({ title: 'Friends', members: ['bob'] });
    await w.env.advance(100);
    const group = await made;
    const first = group.send({ text: 'before carol' });
    await w.env.advance(200);
    const added = group.add(['carol']);
    await w.env.advance(200);
    await added;
    group.send({ text: 'welcome' });
    await w.env.advance(500);
    const left = c.chat(group.id).leave();
    await w.env.advance(200);
    await left;
    group.send({ text: 'gone' });
    await w.env.advance(500);
    expect(first.status).toBe('delivered');
    expect(bTexts).toEqual(['2:before carol', '4:welcome', '6:gone']);
    expect(cTexts).toEqual(['4:welcome']);
    const info = group.info();
    await w.env.advance(100);
    expect((await info).members.map((member) => `${member.user} ${member.role}`)).toEqual([
      'alice owner',
      'bob member',
    ]);
  });

  it('iterates over a chat, goes on after a break where it was left, and ends with close()', async () => {
    const w = world();
    const { chat } = await pair(w);
    const b = w.join('bob', 'b2');
    await w.env.advance(1_000);
    const other = b.chat(chat.id);
    const texts: string[] = [];
    const until = async (last: string): Promise<void> => {
      for await (const entry of other.messages()) {
        if (entry.change === null) texts.push(entry.text);
        if (entry.text === last) break;
      }
    };
    const first = until('1');
    for (let i = 0; i < 5; i++) chat.send({ text: String(i) });
    await w.env.advance(1_000);
    await first;
    const second = until('never');
    await w.env.advance(1_000);
    chat.send({ text: '5' });
    await w.env.advance(1_000);
    void b.close();
    await second;
    expect(texts).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  it('flushes the outbox at close(), then says goodbye', async () => {
    const w = world();
    const { a, chat, bTexts } = await pair(w);
    w.server.delay(50);
    chat.send({ text: 'last words' });
    const closed = a.close({ flush: 2_000 });
    await w.env.advance(1_000);
    expect(await closed).toEqual({ unsent: 0 });
    expect(bTexts).toEqual(['2:last words']);
    expect(a.state).toMatchObject({ is: 'stopped', reason: 'closed' });
    expect(() => chat.send({ text: 'too late' })).toThrow('closed');
  });

  it('leaves no timer behind after close()', async () => {
    const w = world();
    const { a, b, chat } = await pair(w);
    chat.send({ text: 'x' });
    chat.typing(true);
    await w.env.advance(30);
    void a.close();
    void b.close();
    await w.env.advance(100);
    expect(w.env.waiting).toBe(0);
  });
});
