// One device of a user: the real client on a simulated machine, and the application on top of it, which listens in one of three
// ways, sends, and writes down what it is told. It may die at any moment, be away for long, or lose its memory.
import { type ChatEntry, createClient, type OutgoingMessage, type ParleyClient } from '../../client/core/index.ts';
import type { Book, Sending } from './book.ts';
import { ClientDisk } from './client-disk.ts';
import { type Clock, clientEnvOf } from './env.ts';
import type { Network } from './network.ts';
import type { PeoplePlan } from './plan.ts';
import { hashBytes, type Random } from './random.ts';
import { makeToken } from './tokens.ts';
import { View } from './view.ts';
import { EPOCH_MS, Owner, type World } from './world.ts';

/** `auto`: handlers, acknowledged at once. `late`: acknowledged by the application, later. `iterator`: pulled, with pauses. */
export type Manner = 'auto' | 'late' | 'iterator';
const ACK_LATE_MS = 1_500;

export class Device {
  readonly user: string;
  readonly id: string;
  readonly name: string;
  readonly clock: Clock = { skewMs: 0 };
  client: ParleyClient | null = null;
  view: View;
  memory = 1;
  /** Messages of this life by id, as the application holds on to them. */
  readonly handles = new Map<string, OutgoingMessage>();
  /** Whose presence this life watches, and what it has heard. */
  readonly watching = new Set<string>();
  readonly watched = new Map<string, boolean>();
  /** What this life has read. */
  readonly reads = new Map<string, number>();
  private disk: ClientDisk;
  private owner: Owner;
  /** It has gone for good. */
  hasLeft = false;
  private readonly skips: boolean;
  private isWanted = false;
  private lives = 0;
  private sends = 0;
  private manner: Manner = 'auto';
  private readonly world: World;
  private readonly book: Book;
  private readonly network: Network;
  private readonly random: Random;
  private readonly plan: PeoplePlan;

  constructor(world: World, book: Book, network: Network, random: Random, plan: PeoplePlan, user: string, id: string) {
    this.world = world;
    this.book = book;
    this.network = network;
    this.random = random;
    this.plan = plan;
    this.user = user;
    this.id = id;
    this.name = id;
    this.owner = new Owner(id);
    this.owner.alive = false;
    this.skips = random.chance(plan.skipShare);
    this.disk = new ClientDisk(random.fork('disk'), plan.flushMs);
    this.view = new View(world, book, user, id, this.memory);
  }

  get isOnline(): boolean {
    return this.client?.state.is === 'online';
  }

  open(): void {
    if (!this.isGone || this.hasLeft) return;
    const { world, random, plan } = this;
    this.owner = new Owner(`${this.id}.${++this.lives}`);
    this.manner = random.weighted({ auto: 5, late: 2, iterator: 2 });
    world.note('opens', this.name, this.manner);
    const stored = this.disk.stored();
    this.view.restart(stored.known);
    this.forgotten(new Set(stored.messages.keys()));
    const process = { world, owner: this.owner, random: random.fork(this.owner.name), clock: this.clock };
    // Within the client's own time, so that whatever it plans is its own.
    world.after(this.owner, 0, () => {
      const client = createClient('ws://sim', {
        device: this.id,
        env: clientEnvOf(process),
        transport: this.network.transportOf(this.owner, `source-${this.user}`),
        store: this.disk.open(world, this.owner),
        getToken: () => this.token(plan.tokenLifeMs),
        ack: this.manner === 'late' ? 'manual' : 'auto',
        gaps: this.skips ? 'skip' : 'fetch',
      });
      this.client = client;
      this.listen(client);
      for (const handle of client.outbox()) this.hold(handle);
    });
  }

  private token(lifeMs: number | null): string | Promise<string> {
    const expires = lifeMs === null ? null : Math.floor(EPOCH_MS + this.world.now + lifeMs);
    const token = makeToken(this.user, expires, this.random.id());
    if (this.random.chance(0.5)) return token;
    const { world, owner, random } = this;
    return new Promise((resolve) => void world.after(owner, random.between(0, 300), () => resolve(token)));
  }

  private listen(client: ParleyClient): void {
    const { world } = this;
    client.on('state', (state) => {
      world.note('state', this.name, state.is, 0, '', () => JSON.stringify(state));
      if (state.is === 'stopped' && state.reason !== 'closed') this.stopped(client, state.reason);
    });
    client.on('error', (error) => world.fail('client', `${this.name}: ${String(error)}`, [this.name]));
    client.on('gap', (gap) => this.view.gap(gap));
    client.on('resumed', ({ resumed }) => world.note('resumed', this.name, String(resumed)));
    const cursors = new Map<string, { readonly delivered: number; readonly read: number }>();
    client.on('receipt', ({ chat, user, delivered, read }) => {
      const before = cursors.get(`${chat} ${user}`);
      cursors.set(`${chat} ${user}`, { delivered, read });
      if (before !== undefined && (delivered < before.delivered || read < before.read))
        world.fail('I4', `${this.name} hears that ${user} went back in ${chat}, to ${delivered} and ${read}`, [chat]);
    });
    client.on('presence', ({ user, online }) => {
      world.note('presence', this.name, user, online ? 1 : 0);
      this.watched.set(user, online);
    });
    if (this.manner === 'iterator') void this.iterate(client);
    else client.on('message', (entry) => this.take(entry));
  }

  /** Sent away: for a good reason, or it is a fault. The user brings the device back. */
  private stopped(client: ParleyClient, reason: string): void {
    if (!['displaced', 'revoked', 'tooMany'].includes(reason))
      this.world.fail('stopped', `${this.name} was sent away: ${reason}`, [this.name]);
    this.world.after(this.owner, this.random.between(300, 6_000), () => client.wake());
  }

  private take(entry: ChatEntry): void {
    this.view.show(entry);
    if (this.manner !== 'late') return;
    this.world.after(this.owner, this.random.next() * ACK_LATE_MS, () => entry.ack());
  }

  private async iterate(client: ParleyClient): Promise<void> {
    const { owner } = this;
    for await (const entry of client.messages()) {
      if (this.owner !== owner || !owner.alive) return;
      this.view.show(entry);
      if (this.random.chance(0.2))
        await new Promise<void>((resolve) => void this.world.after(owner, this.random.next() * 400, resolve));
    }
  }

  /** Gives the id of the message. */
  send(chat: string, body: Uint8Array, about: number | null): string {
    const handle = this.client?.chat(chat).send({ body, about });
    if (handle === undefined) return '';
    const sending: Sending = {
      user: this.user,
      device: this.id,
      memory: this.memory,
      chat,
      index: ++this.sends,
      id: handle.id,
      hash: hashBytes(body),
      at: this.world.now,
      status: 'queued',
      seq: 0,
      ackedAt: 0,
      code: '',
    };
    this.world.note('send', this.name, chat, body.length, handle.id);
    this.book.sent(sending);
    this.hold(handle);
    return handle.id;
  }

  watch(users: readonly string[]): void {
    if (this.client === null) return;
    this.world.note('watches', this.name, users.join());
    for (const user of users) this.watching.add(user);
    this.client.watchPresence(users);
  }

  private hold(handle: OutgoingMessage): void {
    const { owner } = this;
    this.handles.set(handle.id, handle);
    handle.on('status', (status) => this.world.note('status', this.name, handle.chat, 0, handle.id, () => status));
    const sending = this.book.sendings.get(handle.id);
    if (sending === undefined) {
      this.world.fail('I3', `${this.name} has ${handle.id} in its outbox, which nobody sent`, [handle.id]);
      return;
    }
    handle.sent().then(
      ({ seq }) => {
        if (!owner.alive) return;
        this.world.note('acked', this.name, sending.chat, seq, handle.id);
        this.book.acked(sending, seq);
      },
      (error: { readonly code?: string }) => {
        if (!owner.alive || error.code === 'closed') return;
        this.world.note('failed', this.name, sending.chat, 0, handle.id, () => String(error));
        sending.status = 'failed';
        sending.code = error.code ?? String(error);
      },
    );
  }

  /** A request of the application: by the end it must have been answered, one way or the other. */
  ask<T>(what: string, ask: (client: ParleyClient) => Promise<T>, then: (value: T) => void = () => {}): void {
    const { client, world, owner } = this;
    if (client === null) return;
    const asked = { what: `${this.name} ${what}`, at: world.now, owner, code: '' };
    this.book.asked.add(asked);
    world.note('asks', this.name, what);
    world.after(owner, 0, () => {
      ask(client).then(
        (value) => {
          this.book.asked.delete(asked);
          if (!owner.alive) return;
          world.note('answered', this.name, what);
          then(value);
        },
        (error: { readonly code?: string }) => {
          this.book.asked.delete(asked);
          if (!owner.alive) return;
          asked.code = error.code ?? String(error);
          world.note('refused', this.name, what, 0, asked.code, () => String(error));
          this.book.refused(asked);
        },
      );
    });
  }

  /** The application closes the client, in order. */
  close(flushMs: number): void {
    const { client, owner, world } = this;
    if (client === null) return;
    this.client = null;
    world.note('closes', this.name, '');
    world.after(owner, 0, () => {
      void client.close({ flush: flushMs }).then(() => {
        // What it did not say is said no more; the connection's last frames are under way.
        world.after(world.nature, 0, () => this.end(owner, 'process', true));
      });
    });
  }

  /** Its process dies, or its power goes. */
  die(how: 'process' | 'power'): void {
    if (!this.owner.alive) return;
    this.world.note('dies', this.name, how);
    this.end(this.owner, how, how === 'process' || this.random.chance(0.3));
  }

  private end(owner: Owner, how: 'process' | 'power', told: boolean): void {
    if (!owner.alive) return;
    owner.alive = false;
    this.network.clientDied(owner, told);
    this.disk.died(how);
    if (this.owner !== owner) return;
    this.client = null;
    this.handles.clear();
    this.reads.clear();
    this.watching.clear();
    this.watched.clear();
    if (this.isWanted) this.world.after(this.world.nature, 100, () => this.open());
  }

  read(chat: string, seq: number): void {
    if (this.client === null) return;
    this.world.note('reads', this.name, chat, seq);
    this.book.read(this.user, chat, seq);
    this.reads.set(chat, Math.max(seq, this.reads.get(chat) ?? 0));
    this.client.chat(chat).read(seq);
  }

  isOf(owner: Owner): boolean {
    return this.owner === owner;
  }

  leaveForGood(how: 'close' | 'process' | 'power'): void {
    this.world.note('leaves', this.name, how);
    this.hasLeft = true;
    if (how === 'close') this.close(0);
    else this.die(how);
  }

  /** Wherever it was, it is wanted back, and stays. */
  comeBack(): void {
    if (this.hasLeft) return;
    this.isWanted = true;
    if (this.isGone) this.open();
  }

  get isGone(): boolean {
    return this.client === null && !this.owner.alive;
  }

  /** A device with the same name, and nothing of what it knew. */
  wipe(): void {
    if (!this.isGone) return;
    this.world.note('wiped', this.name, '');
    this.memory++;
    this.disk = new ClientDisk(this.random.fork(`disk ${this.memory}`), this.plan.flushMs);
    for (const sending of this.book.sendings.values())
      if (sending.device === this.id && sending.status === 'queued') sending.status = 'abandoned';
    this.view = new View(this.world, this.book, this.user, this.id, this.memory);
  }

  /** What was sent and is neither in the outbox nor answered was never flushed: it must never have left. */
  private forgotten(outbox: ReadonlySet<string>): void {
    for (const sending of this.book.sendings.values()) {
      if (sending.device !== this.id || sending.memory !== this.memory || sending.status !== 'queued') continue;
      if (!outbox.has(sending.id)) sending.status = 'lost';
    }
  }
}
