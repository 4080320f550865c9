// The fuzz run: attackers say anything to a real node in a process of its own, while honest clients talk through it. In the end the
// honest ones have lost nothing, the node has not crashed, none of its cells has, and it holds what it held. Bounded. Test code.
import { type ClientFrame, encodeFrame, encodeJson } from '../../protocol/index.ts';
import { check, checkSenderOrder, missing, type Room, type Verdict } from './check.ts';
import { Attacker } from './fuzz-attacker.ts';
import { Book } from './fuzz-book.ts';
import { DAMAGE_NAMES, DAMAGES, damageJson } from './fuzz-damage.ts';
import { aimed, badHello, framePool, HOSTILE, HOSTILE_NAMES, isClientOp, type Targets } from './fuzz-frames.ts';
import { type Held, held, readMetrics, sumOf } from './fuzz-memory.ts';
import { Random } from './fuzz-random.ts';
import { garbageAtHttp, garbageMidStream } from './fuzz-tcp.ts';
import { Person, until } from './person.ts';
import { distFile, ServerProcess } from './server-process.ts';

export interface FuzzOptions {
  readonly frames: number;
  readonly seed: number;
  readonly attackers: number;
  /** Messages a second, of all honest clients. */
  readonly rate: number;
  /** How long the node is left alone at the most before what it holds is measured. Idle chats and sessions leave within 150 s. */
  readonly settleMs: number;
  readonly log: (line: string) => void;
}
export interface FuzzResult {
  readonly honest: Verdict & { readonly sends: number; readonly failed: number; readonly reconnects: number };
  readonly book: Book;
  readonly seconds: number;
  readonly crashes: number;
  readonly restarts: number;
  /** Lines that the node logged as errors. */
  readonly stderr: string;
  /** After a first eighth of the frames, after the next half of what is left, after the rest. */
  readonly memory: readonly Held[];
}

/** Limits as they come, and the honest clients share none of them; but how busy this machine is decides nothing here. */
const SETTINGS = {
  'log.level': 'error',
  'pressure.presenceDelayMs': '5000',
  'pressure.signInDelayMs': '5000',
  'pressure.messageDelayMs': '5000',
};
const HONEST = ['ann', 'ben', 'cat', 'dan', 'eve', 'fay'];
const PER_SOURCE = 4;
const SETTLE_MS = 60_000;
const WARM_UP = 1 / 8;

export async function fuzzRun(options: FuzzOptions): Promise<FuzzResult> {
  const server = await ServerProcess.start(SETTINGS, ['--import', distFile('test/chaos/fuzz-collect.js')]);
  const people = HONEST.map((user) => new Person(server, user, 'd0'));
  const started = Date.now();
  try {
    await Promise.all(people.map((p) => p.online()));
    const rooms = await makeRooms(people);
    const book = new Book(options.frames);
    const targets: Targets = {
      honestUsers: HONEST,
      honestChats: rooms.map((room) => room.chat),
      attackers: Array.from({ length: options.attackers }, (_, n) => `evil${n}`),
    };
    let over = false;
    const talking = talkUntil(people, rooms, () => over, options.rate);
    const attackers = await makeAttackers(server, targets, book);
    const pool = framePool(options.seed);
    const memory: Held[] = [];
    for (const share of [WARM_UP, (1 - WARM_UP) / 2, (1 - WARM_UP) / 2]) {
      book.left = Math.round(options.frames * share);
      const round = memory.length * options.attackers;
      await Promise.all(
        attackers.map((a, n) => attack(a, targets, pool, new Random(options.seed + round + n), server.port)),
      );
      for (const a of attackers) a.hangUp();
      memory.push(await held(server, HONEST.length, rooms.length, options.settleMs));
      options.log(
        `${book.total} frames, ${book.sockets} sockets, ${book.anomalies} strange: ${JSON.stringify(memory.at(-1))}`,
      );
    }
    over = true;
    await talking;
    await until('every outbox empty', () => people.every((p) => p.client.outbox().length === 0), SETTLE_MS);
    await until('everything everywhere', () => missing(people, rooms).length === 0, SETTLE_MS).catch(() => {});
    const verdict = check(people, rooms);
    checkSenderOrder(people, rooms, (body) => Number(body.split(' ')[1]), verdict);
    const metrics = await readMetrics(server);
    const sum = (of: (p: Person) => number): number => people.reduce((n, p) => n + of(p), 0);
    return {
      honest: {
        ...verdict,
        sends: sum((p) => p.sends),
        failed: sum((p) => p.failed.length),
        reconnects: sum((p) => p.reconnects),
      },
      book,
      seconds: Math.round((Date.now() - started) / 1_000),
      crashes: sumOf(metrics, 'parley_crashes_total'),
      restarts: sumOf(metrics, 'parley_restarts_total'),
      stderr: server.stderr,
      memory,
    };
  } finally {
    await Promise.all(people.map((p) => p.client.close()));
    await server.dispose();
  }
}

async function makeRooms(people: readonly Person[]): Promise<Room[]> {
  const rooms: Room[] = [];
  for (let i = 0; i + 1 < people.length; i += 2) {
    const [a, b] = [people[i], people[i + 1]];
    if (a && b) rooms.push({ chat: (await a.client.direct(b.user)).id, members: [a.user, b.user] });
  }
  const [first, ...rest] = people.map((p) => p.user);
  const group = await people[0]?.client.createGroup({ title: 'all', members: rest });
  if (group && first) rooms.push({ chat: group.id, members: [first, ...rest] });
  return rooms;
}

async function talkUntil(
  people: readonly Person[],
  rooms: readonly Room[],
  over: () => boolean,
  rate: number,
): Promise<void> {
  for (let n = 0; !over(); n++) {
    const p = people[n % people.length];
    const mine = p ? rooms.filter((r) => r.members.includes(p.user)) : [];
    const room = mine[Math.floor(n / people.length) % mine.length];
    if (p && room) p.send(room.chat, `${p.user} ${n}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000 / rate));
  }
}

async function makeAttackers(server: ServerProcess, targets: Targets, book: Book): Promise<Attacker[]> {
  const otherToken = await server.token('somebody-else');
  return Promise.all(
    targets.attackers.map(async (user, n) => {
      const address = `127.0.1.${1 + Math.floor(n / PER_SOURCE)}`;
      return new Attacker({
        url: server.url,
        user,
        token: await server.token(user),
        otherToken,
        json: n % 4 === 3,
        address,
        book,
      });
    }),
  );
}

/** One attacker, until the budget of all is used up. */
async function attack(
  a: Attacker,
  targets: Targets,
  pool: ReturnType<typeof framePool>,
  r: Random,
  port: number,
): Promise<void> {
  const tcpAddress = `127.0.2.${1 + r.below(200)}`;
  while (a.book.left > 0) {
    if (!a.isOpen) {
      if (r.chance(0.05)) {
        await a.open();
        await a.fire('badHello', {
          data: a.json ? Buffer.from('["HELLO"]') : badHello(a, r),
          binary: !a.json,
          fragments: 1,
        });
        a.hangUp();
      }
      if (r.chance(0.01)) await garbageAtHttp(port, tcpAddress, r, a.book);
      await a.signIn();
      if (r.chance(0.3)) await a.fireFrame('ownGroup', ownGroup(a, targets, r));
    }
    await shoot(a, targets, pool, r);
  }
  if (a.isOpen) await a.answered();
}

function ownGroup(a: Attacker, targets: Targets, r: Random): ClientFrame {
  const id = `own${r.below(10)}`;
  const members = [r.pick(targets.attackers), r.pick(targets.attackers)];
  return { op: 8, ref: a.nextRef(), kind: 1, id, members, title: 'evil' };
}

async function shoot(a: Attacker, targets: Targets, pool: ReturnType<typeof framePool>, r: Random): Promise<void> {
  const which = r.next();
  if (which < 0.5) {
    const kind = r.pick(HOSTILE_NAMES);
    for (const frame of HOSTILE[kind]?.(targets, a, r) ?? []) {
      if (!a.isOpen) return;
      await a.fireFrame(`hostile ${kind}`, frame);
    }
    return;
  }
  const [name, frames] = r.pick([...pool]);
  const frame = r.pick(frames);
  const mine = isClientOp(frame.op) ? aimed(frame as ClientFrame, targets, a, r) : frame;
  // What breaks the connection drops the answers under way: let them come now and then.
  if (r.chance(0.3)) await a.answered();
  if (which < 0.65 && isClientOp(frame.op))
    return a.fire(`valid ${name}`, {
      data: bytesOf(a, mine),
      binary: !a.json,
      fragments: r.chance(0.1) ? r.pick([2, 64, 65]) : 1,
    });
  if (which < 0.95) {
    if (a.json) {
      const data = Buffer.from(damageJson(encodeJson(mine), r));
      return a.fire('damaged json', { data, binary: false, fragments: 1 });
    }
    const kind = r.pick(DAMAGE_NAMES);
    const data = DAMAGES[kind]?.(encodeFrame(mine), encodeFrame(r.pick(frames)), r) ?? new Uint8Array(0);
    return a.fire(`damaged ${kind}`, { data, binary: true, fragments: 1 });
  }
  if (which < 0.97)
    return a.fire('random bytes', { data: r.bytes(r.pick([0, 1, 20, 2_000])), binary: r.chance(0.8), fragments: 1 });
  if (which < 0.98) return a.fire('wrong kind', { data: bytesOf(a, mine), binary: a.json, fragments: 1 });
  if (which < 0.99)
    return a.fire('oversized', {
      data: new Uint8Array(r.pick([65_537, 70_000, 1_000_000])).fill(0x93),
      binary: !a.json,
      fragments: r.pick([1, 3, 100]),
    });
  return garbageMidStream(a, r, a.book);
}

const bytesOf = (a: Attacker, frame: Parameters<typeof encodeFrame>[0]): Uint8Array =>
  a.json ? Buffer.from(encodeJson(frame)) : encodeFrame(frame);
