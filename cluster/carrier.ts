// The seam to what moves bytes between nodes: at most once, unordered, lossy. Links (links.ts) make more of it. Every carrier passes
// carrier-contract.ts. A carrier knows nothing of mail.

export interface Carrier {
  /** False: not connected, its buffer is full, or more than `payloadMax`; nothing was sent. True promises nothing. The bytes must not change after. */
  publish(subject: string, bytes: Uint8Array): boolean;
  /** Also what this very carrier publishes. The bytes do not change after. Returns how to stop. */
  subscribe(subject: string, onMessage: (bytes: Uint8Array) => void): () => void;
  readonly connected: boolean;
  /** Bytes of one message at the most, as known now. */
  readonly payloadMax: number;
  /** After it nothing comes and nothing is taken. */
  close(): Promise<void>;
}
