// Everything at once: devices that write, crash and come back, over a network that cuts, delays and doubles, against a server that
// refuses and forgets. Then it heals, and every device must have shown every entry once, in order. Seeds repeat.
import { describe, expect, it } from 'vitest';
import {
  type ChatEntry,
  type ClientEnv,
  createClient,
  memoryStore,
  type OutboxStore,
  type ParleyClient,
  type Transport,
} from './core/index.ts';
import { createTestServer, type ManualEnv, manualEnv, type TestServer } from './testing/index.ts';

/** Takes its time to load and to flush, up to half a second: longer than acks are held back. */
function slowStore(env: ManualEnv): OutboxStore {
  const inner = memoryStore();
  const later = <T>(value: () => T): Promise<T> =>
    new Promise((done) => env.setTimer(() => done(value()), env.random() < 0.5 ? 1 : env.random() * 500));
  return {
    load: () => later(() => inner.load()) as Promise<Awaited<ReturnType<OutboxStore['load']>>>,
    save: (changes) => inner.save(changes),
    flush: () => later(() => undefined),
    close: () => undefined,
  };
}

/** A device that can die at any moment: its store survives, nothing else of it runs on. */
class Mortal {
  readonly shown: string[] = [];
  readonly made = new Set<string>();
  readonly #store: OutboxStore;
  readonly #user: string;
  readonly #device: string;
  readonly #env: ManualEnv;
  readonly #server: TestServer;
  #life = 0;
  client: ParleyClient;

  constructor(user: string, device: string, env: ManualEnv, server: TestServer) {
    this.#user = user;
    this.#device = device;
    this.#env = env;
    this.#server = server;
    this.#store = device === 'a1' ? memoryStore() : slowStore(env);
    this.client = this.#live();
  }

  #live(): ParleyClient {
    const life = ++this.#life;
    const lives = (): boolean => life === this.#life;
    const env: ClientEnv = { ...this.#env, setTimer: (run, ms) => this.#env.setTimer(() => lives() && run(), ms) };
    const transport: Transport = {
      connect: (url, protocols, on) =>
        this.#server.transport.connect(url, protocols, {
          onOpen: () => lives() && on.onOpen(),
          onMessage: (bytes) => lives() && on.onMessage(bytes),
          onClose: (code, reason) => lives() && on.onClose(code, reason),
        }),
    };
    const { getToken } = this.#server.as(this.#user);
    const client = createClient('ws://x', { device: this.#device, store: this.#store, getToken, env, transport });
    const show = ({ chat, seq, text, id }: ChatEntry): void => void this.shown.push(`${chat} ${seq} ${id} ${text}`);
    // Some listen, others iterate.
    if (this.#device === 'b1') void iterate(client, (entry) => lives() && show(entry));
    else client.on('message', show);
    return client;
  }

  die(): void {
    this.#life++;
    this.client = this.#live();
  }
}

async function iterate(client: ParleyClient, show: (entry: ChatEntry) => void): Promise<void> {
  for await (const entry of client.messages()) show(entry);
}

async function storm(seed: number): Promise<{ shown: string[][]; logs: string[][]; sent: number; made: number }> {
  const env = manualEnv({ seed });
  const server = createTestServer({ env });
  const chance = manualEnv({ seed: seed + 1_000 }).random;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)] as T;
  const names: [string, string][] = [
    ['alice', 'a1'],
    ['alice', 'a2'],
    ['bob', 'b1'],
    ['carol', 'c1'],
  ];
  const people = names.map(([user, device]) => new Mortal(user, device, env, server));
  await env.advance(1_000);
  const made = people[0]?.client.createGroup({ title: 'g', members: ['bob', 'carol'] });
  const pair = people[0]?.client.direct('bob');
  await env.advance(1_000);
  const chats = [(await made)?.id ?? '', (await pair)?.id ?? ''];
  let count = 0;
  for (let step = 0; step < 150; step++) {
    const who = pick(people);
    const dice = chance();
    if (dice < 0.55) {
      const chat = pick(who === people[3] ? chats.slice(0, 1) : chats);
      for (let i = Math.ceil(chance() * 6); i > 0; i--)
        who.made.add(who.client.chat(chat).send({ text: `${count++}` }).id);
    } else if (dice < 0.63) server.drop(pick(['alice', 'bob', 'carol']));
    else if (dice < 0.71) who.die();
    else if (dice < 0.76) server.delay(Math.floor(chance() * 400));
    else if (dice < 0.8) server.duplicate(chance() < 0.5);
    else if (dice < 0.84) server.forgetDevices();
    else if (dice < 0.87) server.goAway(Math.floor(chance() * 2_000));
    else if (dice < 0.93)
      server.refuse(() =>
        chance() < 0.3
          ? pick(['silence', { code: 'overloaded', afterMs: 300 }, { code: 'unavailable' }] as const)
          : null,
      );
    else server.refuse(null);
    await env.advance(Math.floor(chance() * 600));
  }
  server.refuse(null);
  server.duplicate(false);
  server.delay(5);
  await env.advance(120_000);
  const logs = people.map((_, i) =>
    (i === 3 ? chats.slice(0, 1) : chats).flatMap((id) =>
      (server.chats.get(id)?.log ?? []).map(
        (one) => `${id} ${one.seq} ${one.id} ${one.type === 0 ? new TextDecoder().decode(one.body) : ''}`,
      ),
    ),
  );
  const waiting = people.reduce((sum, one) => sum + one.client.outbox().length, 0);
  expect(waiting).toBe(0);
  const sorted = people.map(({ shown }) => chats.flatMap((id) => shown.filter((line) => line.startsWith(id))));
  return { shown: sorted, logs, sent: count, made: people.reduce((sum, one) => sum + one.made.size, 0) };
}

const SEEDS = Number(process.env.STORM ?? 12);

describe('a storm', () => {
  for (let seed = 1; seed <= SEEDS; seed++)
    it(`leaves every device with everything, once and in order (seed ${seed})`, async () => {
      const { shown, logs, sent, made } = await storm(seed);
      expect(shown).toEqual(logs);
      expect(made).toBe(sent);
      const texts = new Set((logs[0] ?? []).map((line) => line.split(' ')[3]).filter((text) => text !== ''));
      expect(texts.size).toBe(sent); // all, and none twice: a second one would have made the log longer
      expect(logs[0]).toHaveLength(sent + 2);
    });
});
