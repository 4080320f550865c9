// What nodes tell each other of shards, over their links.

export type ShardMail =
  /** We hold nothing of these, as of that epoch, and will not open them under it or an older one. */
  | { readonly t: 'released'; readonly epoch: number; readonly shards: readonly number[] }
  /** Do you still hold any of these? We are to have them as of that epoch. Answered by `released`, or not yet. */
  | { readonly t: 'asked'; readonly epoch: number; readonly shards: readonly number[] };
