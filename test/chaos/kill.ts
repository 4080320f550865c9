// The kill run: a real node is killed with SIGKILL again and again while real clients send; some devices are offline meanwhile.
// In the end every message that was told `sent` is on every device once, in one order. Bounded; stops by itself. Test code.
import { check, checkSenderOrder, missing, type Room, uneven, type Verdict } from './check.ts';
import { Person, until } from './person.ts';
import { makeRooms } from './rooms.ts';
import { ServerProcess } from './server-process.ts';

export interface KillOptions {
  readonly kills: number;
  readonly clients: number;
  readonly seconds: number;
  /** Messages a second, of all clients. */
  readonly rate: number;
  readonly log: (line: string) => void;
}
export interface KillResult extends Verdict {
  readonly kills: number;
  readonly clients: number;
  readonly offlineDevices: number;
  readonly sends: number;
  readonly failed: number;
  readonly reconnects: number;
}

const SETTLE_MS = 120_000;

export async function killRun(options: KillOptions): Promise<KillResult> {
  const server = await ServerProcess.start();
  const people: Person[] = [];
  try {
    // Every fifth user has a second device, which is offline for a part of the run.
    for (let i = 0; people.length < options.clients; i++) {
      people.push(new Person(server, `u${i}`, 'd0'));
      if (i % 4 === 0 && people.length < options.clients) people.push(new Person(server, `u${i}`, 'd1'));
    }
    await Promise.all(people.map((p) => p.online()));
    const rooms = await makeRooms(people);
    const stopAt = Date.now() + options.seconds * 1_000;
    const sending = sendUntil(people, rooms, stopAt, options.rate);
    const flapping = flapUntil(people, stopAt);
    for (let kill = 1; kill <= options.kills; kill++) {
      const left = stopAt - Date.now();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, left / (options.kills - kill + 2))));
      await server.kill();
      await server.run();
      options.log(`kill ${kill} of ${options.kills}: ${people.reduce((n, p) => n + p.acked.length, 0)} acked so far`);
    }
    await sending;
    const offlineDevices = await flapping;
    await Promise.all(people.map((p) => p.online(60_000)));
    await until('every outbox empty', () => people.every((p) => p.client.outbox().length === 0), SETTLE_MS);
    const level = (): boolean => missing(people, rooms).length === 0 && uneven(people, rooms).length === 0;
    await until('everything everywhere', level, SETTLE_MS).catch(() => {});
    const verdict = check(people, rooms);
    checkSenderOrder(people, rooms, (body) => Number(body.split(' ')[1]), verdict);
    const sum = (of: (p: Person) => number): number => people.reduce((n, p) => n + of(p), 0);
    return {
      ...verdict,
      kills: options.kills,
      clients: people.length,
      offlineDevices,
      sends: sum((p) => p.sends),
      failed: sum((p) => p.failed.length),
      reconnects: sum((p) => p.reconnects),
    };
  } finally {
    await Promise.all(people.map((p) => p.client.close()));
    await server.dispose();
  }
}

async function sendUntil(
  people: readonly Person[],
  rooms: readonly Room[],
  stopAt: number,
  rate: number,
): Promise<void> {
  let n = 0;
  while (Date.now() < stopAt) {
    for (let i = 0; i < Math.max(1, rate / 20); i++) {
      const p = people[n % people.length];
      const mine = p ? rooms.filter((r) => r.members.includes(p.user)) : [];
      const room = mine[Math.floor(n / people.length) % mine.length];
      if (p && room && p.client.state.is !== 'stopped') p.send(room.chat, `${p.user}/${p.device} ${n}`);
      n++;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Second devices are closed and come back, each some seconds away. */
async function flapUntil(people: readonly Person[], stopAt: number): Promise<number> {
  const seconds = people.filter((p) => p.device === 'd1');
  let count = 0;
  await Promise.all(
    seconds.map(async (p, i) => {
      await new Promise((resolve) => setTimeout(resolve, 500 + (i % 5) * 700));
      await p.goOffline();
      count++;
      const back = Math.min(stopAt - 500, Date.now() + 5_000 + (i % 7) * 2_000);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, back - Date.now())));
      p.comeBack();
    }),
  );
  return count;
}
