// What goes into a kernel and comes out of it besides mail: its options, why a spawn failed, what a handed-off mailbox holds.
import type { Env } from './env.ts';
import type { ExitReason, Ref } from './kind.ts';
import type { Router } from './refs.ts';

export interface KernelOptions {
  readonly env: Env;
  /** The node's name, for logs. */
  readonly node: string;
  /** How long cells run before I/O has its turn; default 8. */
  readonly sliceMs?: number;
  /** Places mail on other nodes. Without it everything is local. */
  readonly router?: Router;
}

export type SpawnErrorCode = 'noKind' | 'alive' | 'busy' | 'closed';

/** Why `spawn` could not. */
export class SpawnError extends Error {
  readonly code: SpawnErrorCode;

  constructor(code: SpawnErrorCode, kind: string, key: string) {
    super(`cannot spawn ${kind} ${key}: ${code}`);
    this.name = 'SpawnError';
    this.code = code;
  }
}

/** A mail that waited in a mailbox, on its way to the cell's next owner. `call` is 0 for plain mail. */
export interface WaitingMail {
  readonly mail: object;
  readonly from: Ref | null;
  readonly call: number;
}

/** Something that stops with the kernel: a service or a supervisor without a parent. */
export interface Root {
  stop(reason?: ExitReason): Promise<void>;
}
