// The links of one incarnation of a node with all others: one ordered link per pair and direction over a lossy carrier. The shell
// around link-state.ts: it reads and writes frames, keeps one timer a peer, and tells who asked what became of mail that was taken.
// A link that breaks breaks both ways and both sides hear of it, as Erlang's nodes do; what mail means it must not know.
import { LINK_LIMITS, type LinkLimits } from './link-limits.ts';
import { Peer } from './link-peer.ts';
import { Outgoing, type TakenMail } from './link-state.ts';
import { LinkCounters, type LinkStats } from './link-stats.ts';
import {
  type BatchFrame,
  type Bye,
  bytesOf,
  type Control,
  decodeFrame,
  encodeBatch,
  encodeControl,
  HEADER_BYTES_MAX,
  type Hello,
  type Reset,
  type ResetReason,
  type Versions,
  type Welcome,
  WIRE_VERSIONS,
} from './link-wire.ts';
import type { BrokenReason, Links, LinksOptions } from './links.ts';
import { type NodeId, nameOf } from './node-id.ts';

/** Dead incarnations that are remembered, so that mail to them is refused at once. */
const GONE_MAX = 1_024;

export class NodeLinks implements Links {
  private readonly options: LinksOptions;
  private readonly limits: LinkLimits;
  private readonly versions: Versions;
  private readonly prefix: string;
  private readonly counters = new LinkCounters();
  private readonly peers = new Map<NodeId, Peer>();
  private readonly gone = new Set<NodeId>();
  private readonly gathering = new Set<Peer>();
  private readonly unsubscribe: () => void;
  private self: NodeId;
  private generations = 0;
  private armed = false;
  /** When the first mail of this turn was taken: asking the clock costs as much as taking one. */
  private turnMs = 0;
  private closed = false;

  constructor(options: LinksOptions) {
    this.options = options;
    this.self = options.self;
    this.versions = options.versions ?? WIRE_VERSIONS;
    this.prefix = options.prefix ?? 'parley';
    const limits = { ...LINK_LIMITS, ...options.limits };
    this.limits = { ...limits, batchBytesMax: Math.min(limits.batchBytesMax, this.payloadMax) };
    this.unsubscribe = options.carrier.subscribe(this.subjectOf(options.self), (bytes) => this.receive(bytes));
  }

  send(to: NodeId, mail: Uint8Array, urgent = false): 'busy' | 'noconnection' | null {
    if (this.closed || to === this.self || this.gone.has(to)) return this.refuse('noconnection');
    if (bytesOf(mail) > this.payloadMax) return this.refuse('busy');
    if (!this.armed) this.turnMs = this.options.env.now();
    const now = this.turnMs;
    const peer = this.peerOf(to);
    const refused = peer.out.offer(mail, urgent, now);
    if (refused === 'overflow') {
      this.break(peer, 'overflow', 'probe');
      return this.refuse('noconnection');
    }
    if (refused !== null) return this.refuse(refused);
    if (peer.out.isRipe) {
      this.writeOut(peer, now);
    } else {
      if (peer.out.next(now) !== null) this.pump(peer, now);
      this.gathering.add(peer);
      this.arm();
    }
    return null;
  }

  versionOf(to: NodeId): number {
    return this.peers.get(to)?.out.version ?? this.versions.min;
  }

  flush(): void {
    if (this.gathering.size === 0) return;
    const now = this.options.env.now();
    for (const peer of this.gathering) this.writeOut(peer, now);
    this.gathering.clear();
  }

  down(node: NodeId): void {
    this.forget(node, 'down');
  }

  private forget(node: NodeId, why: BrokenReason): void {
    if (this.gone.size >= GONE_MAX) for (const oldest of this.gone) if (this.gone.delete(oldest)) break;
    this.gone.add(node);
    const peer = this.peers.get(node);
    if (peer === undefined) return;
    if (why === 'down') this.farewell(peer, 'broken');
    this.drop(peer, why);
  }

  /** Tells the other side that its link is over, if it is there to hear; nothing depends on it. */
  private farewell({ node, subject, out, in: incoming }: Peer, why: ResetReason): void {
    if (incoming.isOpen) this.reset(node, this.self, incoming.generation, why);
    const { generation } = out;
    if (out.phase === 'open') this.control(subject, { t: 'bye', from: this.self, to: node, generation });
  }

  restart(self: NodeId): void {
    if (nameOf(self) !== nameOf(this.self)) throw new Error('a node keeps its name');
    const peers = [...this.peers.values()];
    for (const peer of peers) this.farewell(peer, 'incarnation');
    this.self = self;
    for (const peer of peers) this.drop(peer, 'restarted');
  }

  close(): void {
    this.flush();
    this.closed = true;
    this.unsubscribe();
    for (const peer of this.peers.values()) {
      this.farewell(peer, 'incarnation');
      peer.drop();
    }
    this.peers.clear();
  }

  stats(): LinkStats {
    const links = [...this.peers.values()].map(({ node, out }) => {
      const { phase, version, mails, bytes } = out;
      return { node, phase, version, mails, bytes };
    });
    return { ...this.counters, batchMails: [...this.counters.batchMails], links };
  }

  // What came.

  private receive(bytes: Uint8Array): void {
    if (this.closed) return;
    const frame = decodeFrame(bytes, this.versions);
    if (frame === null) {
      this.counters.unreadable++;
      return;
    }
    if (frame.to !== this.self) {
      const asks = frame.t === 'hello' || (frame.t === 'batch' && frame.sequence > 0);
      if (asks) this.reset(frame.from, frame.to, frame.generation, 'incarnation');
      return;
    }
    const now = this.options.env.now();
    if (frame.t === 'hello') this.greeted(frame, now);
    else if (frame.t === 'batch') this.arrived(frame, now);
    else if (frame.t === 'reset') this.wasReset(frame, now);
    else if (frame.t === 'bye') this.left(frame);
    else this.welcomed(frame, now);
  }

  private greeted(hello: Hello, now: number): void {
    const { from, generation, versions } = hello;
    const version = Math.min(versions.max, this.versions.max);
    if (version < Math.max(versions.min, this.versions.min)) return this.reset(from, this.self, generation, 'version');
    if (!this.options.accepts(from, hello.epoch)) return this.reset(from, this.self, generation, 'refused');
    this.gone.delete(from);
    const peer = this.peerOf(from);
    peer.version = version;
    if (!peer.in.greeted(generation)) {
      if (generation === peer.in.generation) this.reset(from, this.self, generation, 'broken');
      return;
    }
    if (peer.theirs !== 0 && hello.association > peer.theirs) this.answerBreak(peer, 'gaveUp', { keepIncoming: true });
    peer.theirs = hello.association;
    const { association } = peer;
    this.control(peer.subject, { t: 'welcome', from: this.self, to: from, generation, version, association });
    peer.schedule(now);
  }

  private welcomed({ from, generation, version, association }: Welcome, now: number): void {
    const peer = this.peers.get(from);
    if (peer === undefined || version < this.versions.min || version > this.versions.max) return;
    if (!peer.out.awaits(generation) || association < peer.theirs) return;
    if (peer.theirs !== 0 && association > peer.theirs) return this.answerBreak(peer, 'gaveUp');
    peer.theirs = association;
    peer.out.welcomed(version, now, this.options.recode);
    this.pump(peer, now);
  }

  private arrived(frame: BatchFrame, now: number): void {
    const { from, generation, sequence } = frame;
    const peer = this.peers.get(from);
    const isMail = sequence > 0;
    if (!this.options.accepts(from, frame.epoch)) {
      if (isMail) this.reset(from, this.self, generation, 'refused');
      return;
    }
    if (peer === undefined) {
      if (isMail) this.reset(from, this.self, generation, 'broken');
      return;
    }
    peer.out.acked(frame.ackedGeneration, frame.acked, now);
    if (isMail) {
      const arrival = peer.in.arrived(generation, sequence, frame, now);
      if (arrival === 'next') this.handOver(peer, frame, now);
      else if (arrival === 'closed') this.reset(from, this.self, generation, 'broken');
      else if (arrival === 'repeated') this.counters.repeated++;
      else if (arrival === 'ahead') this.counters.ahead++;
    }
    this.pump(peer, now);
  }

  private handOver(peer: Peer, first: BatchFrame, now: number): void {
    const { generation } = peer.in;
    let frame: BatchFrame | null = first;
    while (frame !== null) {
      this.counters.batchesIn++;
      for (const mail of frame.mails) {
        this.counters.mailsIn++;
        this.counters.bytesIn += mail.byteLength;
        try {
          this.options.onMail(peer.node, mail, frame.version);
        } catch (error) {
          this.counters.faults++;
          this.options.env.log.error(
            { peer: peer.node, error: String(error) },
            'a mail of another node was not handled',
          );
        }
        // What it said may have ended this very link.
        if (!peer.in.isOpen || peer.in.generation !== generation) return;
      }
      frame = peer.in.handed(now);
    }
  }

  private wasReset(reset: Reset, now: number): void {
    const peer = this.peers.get(reset.about);
    if (peer === undefined || peer.out.phase === 'closed' || peer.out.generation !== reset.generation) return;
    if (reset.why === 'incarnation') return this.forget(peer.node, reset.why);
    // Who probes has told of the break already.
    if (peer.out.phase === 'probing') peer.out.break(now, true);
    else if (reset.why === 'broken') this.answerBreak(peer, reset.why);
    else this.break(peer, reset.why, 'shun');
  }

  private left({ from, generation }: Bye): void {
    const peer = this.peers.get(from);
    if (peer?.in.isOpen === true && peer.in.generation === generation) this.answerBreak(peer, 'gaveUp');
  }

  // What goes.

  private writeOut(peer: Peer, now: number): void {
    peer.out.cut(now);
    this.pump(peer, now);
  }

  private pump(peer: Peer, now: number): void {
    const { out } = peer;
    const due = out.tick(now);
    if (due === 'broken') return this.break(peer, 'silent', 'probe');
    if (due === 'hello') this.hello(peer);
    for (let batch = out.next(now); batch !== null; batch = out.next(now)) {
      const { sequence, version, mails, bytes } = batch;
      if (!this.frame(peer, version, sequence, mails)) {
        out.stalled(now);
        break;
      }
      if (out.wrote(batch)) this.counters.batch(mails.length, bytes);
      else this.counters.resends++;
    }
    if (peer.in.isAckDue(now)) {
      if (this.frame(peer, peer.version, 0, [])) this.counters.acksOut++;
      else peer.in.ackAt = now + this.limits.stallMs;
    }
    peer.schedule(now);
  }

  private frame(peer: Peer, version: number, sequence: number, mails: readonly Uint8Array[]): boolean {
    const { node, subject, out, in: incoming } = peer;
    const header = {
      version,
      from: this.self,
      to: node,
      epoch: this.options.epoch(),
      generation: out.generation,
      sequence,
      ackedGeneration: incoming.isOpen ? incoming.generation : 0,
      acked: incoming.acked,
    };
    if (!this.publish(subject, encodeBatch(header, mails))) return false;
    incoming.told();
    return true;
  }

  private hello(peer: Peer): void {
    const { node: to, association } = peer;
    const { generation } = peer.out;
    const { versions, self: from } = this;
    const epoch = this.options.epoch();
    this.control(peer.subject, { t: 'hello', from, to, epoch, generation, association, versions });
  }

  private reset(to: NodeId, about: NodeId, generation: number, why: ResetReason): void {
    this.counters.resetsOut++;
    this.control(this.subjectOf(to), { t: 'reset', from: this.self, to, about, generation, why });
  }

  private control(subject: string, control: Control): void {
    this.publish(subject, encodeControl(control));
  }

  private publish(subject: string, bytes: Uint8Array): boolean {
    if (this.options.carrier.publish(subject, bytes)) return true;
    this.counters.stalls++;
    return false;
  }

  // Peers.

  /** We end both directions. `probe`: the other side does not know yet, and is told until it answers. */
  private break(peer: Peer, why: BrokenReason, then: 'probe' | 'shun'): void {
    const now = this.options.env.now();
    const lost = peer.out.break(now, then === 'shun');
    peer.in.close();
    peer.association = this.drawGeneration();
    peer.theirs = 0;
    if (then === 'probe') peer.out.open('probing', now);
    peer.schedule(now);
    this.broke(peer.node, lost, why);
  }

  /**
   * The other side ended both directions and knows it: our association stays what it was, or each break would be answered by another.
   * `keepIncoming`: what it opened since then.
   */
  private answerBreak(peer: Peer, why: BrokenReason, { keepIncoming = false } = {}): void {
    const now = this.options.env.now();
    const lost = peer.out.break(now, false);
    if (!keepIncoming) peer.in.close();
    peer.theirs = 0;
    peer.schedule(now);
    this.broke(peer.node, lost, why);
  }

  private drop(peer: Peer, why: BrokenReason): void {
    peer.drop();
    this.peers.delete(peer.node);
    this.gathering.delete(peer);
    this.broke(peer.node, peer.out.break(0, false), why);
  }

  private broke(node: NodeId, lost: readonly TakenMail[], why: BrokenReason): void {
    this.counters.broken++;
    this.options.env.log.warn({ peer: node, why, lost: lost.length }, 'link broken');
    this.options.onBroken(node, lost, why);
  }

  private refuse<R extends 'busy' | 'noconnection'>(reason: R): R {
    if (reason === 'busy') this.counters.busy++;
    else this.counters.noConnection++;
    return reason;
  }

  private peerOf(node: NodeId): Peer {
    let peer = this.peers.get(node);
    if (peer === undefined) {
      const { env } = this.options;
      const { limits, wake } = this;
      const out = new Outgoing(limits, this.versions.min, this.random, this.drawGeneration);
      const association = this.drawGeneration();
      peer = new Peer({ env, node, subject: this.subjectOf(node), out, association, limits, wake });
      this.peers.set(node, peer);
    }
    return peer;
  }

  private readonly random = (): number => this.options.env.random();
  private readonly drawGeneration = (): number => ++this.generations;
  private readonly wake = (peer: Peer): void => {
    if (!this.closed) this.pump(peer, this.options.env.now());
  };

  private get payloadMax(): number {
    return this.options.carrier.payloadMax - HEADER_BYTES_MAX;
  }

  private subjectOf(node: NodeId): string {
    return `${this.prefix}.mail.${nameOf(node)}`;
  }

  private arm(): void {
    if (this.armed) return;
    this.armed = true;
    this.options.env.setImmediate(() => {
      this.armed = false;
      if (!this.closed) this.flush();
    });
  }
}
