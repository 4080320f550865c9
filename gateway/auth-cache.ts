// Tokens that were verified before, by their digest: a crowd that reconnects shows the same tokens again, and a look here costs a
// thirtieth of a signature. Bounded; the least recently used goes first. Holds digests, never tokens.
import { createHash } from 'node:crypto';
import type { Identity } from '../actors/index.ts';

export class VerifiedTokens {
  private readonly entries = new Map<string, Identity>();
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  get(token: string, wallNow: number): Identity | null {
    const key = digest(token);
    const found = this.entries.get(key);
    if (found === undefined) return null;
    this.entries.delete(key);
    if (found.expires !== null && found.expires <= wallNow) return null;
    this.entries.set(key, found); // newest again
    return found;
  }

  put(token: string, identity: Identity): void {
    if (this.max === 0) return;
    if (this.entries.size >= this.max) {
      const oldest = this.entries.keys().next();
      if (!oldest.done) this.entries.delete(oldest.value);
    }
    this.entries.set(digest(token), identity);
  }

  get size(): number {
    return this.entries.size;
  }
}

// Half of a SHA-256, a character a byte: 128 bits that nobody can hit by guessing, in half the memory of base64.
const DIGEST_BYTES = 16;
const digest = (token: string): string =>
  createHash('sha256').update(token).digest().toString('latin1', 0, DIGEST_BYTES);
