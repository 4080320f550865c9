import { afterEach, describe, expect, it } from 'vitest';
import { check, missing, type Room } from '../chaos/check.ts';
import { Person, until } from '../chaos/person.ts';
import { GENEROUS, ServerProcess } from '../chaos/server-process.ts';
import { type LocalServer, startLocalServer } from './local-server.ts';

let local: LocalServer | null = null;
let remote: ServerProcess | null = null;
let people: Person[] = [];
afterEach(async () => {
  await Promise.all(people.map((p) => p.client.close()));
  people = [];
  await local?.dispose();
  await remote?.dispose();
  local = remote = null;
});

async function four(): Promise<Room[]> {
  const home = local ?? remote;
  if (!home) throw new Error('no server');
  people = ['ann', 'ben', 'cat', 'dan'].map((user) => new Person(home, user, 'd0'));
  await Promise.all(people.map((p) => p.online()));
  const [ann, ben] = people as [Person, Person];
  const direct = await ann.client.direct('ben');
  const group = await ben.client.createGroup({ title: 'all', members: ['ann', 'cat', 'dan'] });
  return [
    { chat: direct.id, members: ['ann', 'ben'] },
    { chat: group.id, members: ['ann', 'ben', 'cat', 'dan'] },
  ];
}
function sendAll(rooms: readonly Room[], each: number, body = (n: number) => `message ${n}`): void {
  for (let n = 0; n < each; n++)
    for (const room of rooms) for (const p of people) if (room.members.includes(p.user)) p.send(room.chat, body(n));
}
const acked = (): number => people.reduce((n, p) => n + p.acked.length, 0);
async function allThere(rooms: readonly Room[], sends: number, limitMs: number): Promise<void> {
  await until('every message sent', () => acked() === sends, limitMs);
  await until('everything everywhere', () => missing(people, rooms).length === 0, limitMs);
  expect(check(people, rooms)).toMatchObject({ lost: 0, doubled: 0, reordered: 0, gaps: 0, different: 0 });
  expect(people.flatMap((p) => p.failed)).toEqual([]);
}
async function refusals(home: LocalServer, code: string): Promise<number> {
  const metrics = await (await fetch(`${home.url.replace('ws', 'http')}/metrics`)).text();
  const line = metrics.split('\n').find((l) => l.includes('refus') && l.includes(`"${code}"`));
  return line === undefined ? 0 : Number(line.split(' ').at(-1));
}

describe('honest clients lose nothing, double nothing and keep order', () => {
  it('when every tenth write fails', async () => {
    local = await startLocalServer();
    const rooms = await four();
    local.plan.failEvery = 10;
    sendAll(rooms, 50);
    await allThere(rooms, 300, 60_000);
  });

  it('when every fifth write has an unknown outcome, applied or not', async () => {
    local = await startLocalServer();
    const rooms = await four();
    let n = 0;
    Object.assign(local.plan, { unknownEvery: 5, unknownApplies: () => n++ % 2 === 0 });
    sendAll(rooms, 50);
    await allThere(rooms, 300, 60_000);
  });

  it('when a write takes two seconds', async () => {
    local = await startLocalServer();
    const rooms = await four();
    local.plan.slowMs = 2_000;
    sendAll(rooms, 30);
    await until('some are sent, slowly', () => acked() > 0, 30_000);
    await allThere(rooms, 180, 90_000);
  });

  it('when the disk is full for a while: they are told, keep their messages, and send them when there is room', async () => {
    local = await startLocalServer();
    const home = local;
    const rooms = await four();
    home.plan.full = true;
    sendAll(rooms, 20);
    let told = 0;
    for (const end = Date.now() + 30_000; told === 0 && Date.now() < end; ) {
      told = await refusals(home, 'unavailable');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(told).toBeGreaterThan(0);
    expect(acked()).toBe(0);
    expect(people.reduce((n, p) => n + p.client.outbox().length, 0)).toBe(120);
    home.plan.full = false;
    await allThere(rooms, 120, 60_000);
  });
});

describe('a store of limited size', () => {
  it('refuses when it is full, keeps what it acked, and takes the rest after a restart with more room', async () => {
    remote = await ServerProcess.start({ ...GENEROUS, 'storage.mapBytes': String(4 * 1024 ** 2) });
    const rooms = await four();
    const body = 'x'.repeat(50_000);
    sendAll(rooms, 30, (n) => `${n} ${body}`);
    await until('it is filling', () => acked() >= 20, 30_000);
    await until('it is full', () => remote?.stderr.includes('full') === true, 30_000);
    const before = acked();
    expect(before).toBeLessThan(180);
    await remote.stop();
    Object.assign(remote.settings, { 'storage.mapBytes': String(1024 ** 3) });
    await remote.run();
    await allThere(rooms, 180, 90_000);
  });
});
