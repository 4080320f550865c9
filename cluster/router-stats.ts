// What the router counts of itself, as plain numbers, for metrics.

export class RouterCounters {
  /** Mails given to links, by purpose; one to many keys of a node is one. */
  routesOut = 0;
  keysOut = 0;
  hintsOut = 0;
  sendsOut = 0;
  signalsOut = 0;
  answersOut = 0;
  refusalsOut = 0;
  /** From other nodes; keys, not mails. */
  keysIn = 0;
  hintsIn = 0;
  sendsIn = 0;
  refusalsIn = 0;
  forwarded = 0;
  held = 0;
  tooManyHops = 0;
  notOwnerOut = 0;
  notOwnerIn = 0;
  /** Taken by a link that broke: refused to their senders, or signals that the break itself stands for. */
  lost = 0;
  hintsDropped = 0;
  unreadable = 0;
}

export type RouterStats = Readonly<RouterCounters> & { readonly foreignRefs: number; readonly watches: number };
