// Who may open a socket now: counts by source and in all, and sockets that have not signed in yet. Pure; the gateway asks it at
// the upgrade and tells it what became of the socket. Knows nothing of HTTP.

export interface AdmissionLimits {
  readonly connectionsMax: number;
  readonly connectionsPerSourceMax: number;
  readonly signInsAtOnceMax: number;
}

/** One remote address, shared by its sockets so that each of them does not hold a copy. */
export interface Source {
  readonly address: string;
  sockets: number;
}

/** How many sockets each source has; a source without any is forgotten. */
export class Sources {
  private readonly open = new Map<string, Source>();

  /** Null: it has as many as it may. */
  enter(address: string, max: number): Source | null {
    const key = sourceKey(address);
    let source = this.open.get(key);
    if (source === undefined) {
      source = { address: key, sockets: 0 };
      this.open.set(key, source);
    } else if (source.sockets >= max) return null;
    source.sockets += 1;
    return source;
  }

  leave(source: Source): void {
    source.sockets -= 1;
    if (source.sockets === 0) this.open.delete(source.address);
  }

  get size(): number {
    return this.open.size;
  }
}

export type AdmissionRefusal = 'full' | 'sourceFull' | 'signInsFull' | 'pressed';

export class Admission {
  private readonly sources = new Sources();
  private readonly limits: AdmissionLimits;
  /** Open sockets. */
  connections = 0;
  /** Those of them that have not signed in yet. */
  signIns = 0;

  constructor(limits: AdmissionLimits) {
    this.limits = limits;
  }

  /** Counts the socket, or says why not. From pressure level 2 on there are no new sign-ins. */
  admit(address: string, pressureLevel: number): Source | AdmissionRefusal {
    if (pressureLevel >= 2) return 'pressed';
    if (this.connections >= this.limits.connectionsMax) return 'full';
    if (this.signIns >= this.limits.signInsAtOnceMax) return 'signInsFull';
    const source = this.sources.enter(address, this.limits.connectionsPerSourceMax);
    if (source === null) return 'sourceFull';
    this.connections += 1;
    this.signIns += 1;
    return source;
  }

  signedIn(): void {
    this.signIns -= 1;
  }

  left(source: Source, signedIn: boolean): void {
    if (!signedIn) this.signIns -= 1;
    this.connections -= 1;
    this.sources.leave(source);
    if (this.connections < 0 || this.signIns < 0) throw new Error('admission: a socket left twice');
  }

  get sourcesOpen(): number {
    return this.sources.size;
  }
}

/**
 * What counts as one source: an IPv4 address, or the first 64 bits of an IPv6 address, since one host may use all of the rest.
 * IPv4 inside IPv6 is IPv4.
 */
export function sourceKey(address: string): string {
  const mapped = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  if (!mapped.includes(':')) return mapped;
  const plain = mapped.split('%')[0] ?? mapped;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const right = tail === '' ? 0 : tail.split(':').length;
    while (left.length + right < 8) left.push('0');
  }
  return `${left
    .slice(0, 4)
    .map((part) => Number.parseInt(part, 16).toString(16))
    .join(':')}::/64`;
}
