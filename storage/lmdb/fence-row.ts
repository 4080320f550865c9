// Who has taken the fence, as the fence row of the LMDB file keeps it beside the fence itself. Encoding only.

export interface Taker {
  readonly owner: string;
  readonly epoch: number;
  /** The one that it was taken for last; the fence is the same for all. */
  readonly shard: number;
}

const SEPARATOR = '\u0000';

export function encodeTaker({ owner, epoch, shard }: Taker): Buffer {
  return Buffer.from([owner, epoch, shard].join(SEPARATOR));
}

/** Files of before there were epochs hold the owner alone. */
export function decodeTaker(value: Buffer): Taker {
  const [owner = '', epoch = '0', shard = '0'] = value.toString().split(SEPARATOR);
  return { owner, epoch: Number(epoch), shard: Number(shard) };
}
