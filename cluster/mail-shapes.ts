// How mail that crosses between nodes all the time is written: as the number of its shape and its values, without their names, which
// takes half the bytes and the time. What has no shape goes as a map. Which mails there are, who makes the router knows.

/** `write` and `read` are each other's reverse. Both must be plain code for one form of object: they are the hottest of the wire. */
export interface MailShape {
  readonly t: string;
  /** Values behind the first place, which is the number's: `[0, a, b, …]`. */
  readonly write: (mail: never) => unknown[];
  readonly read: (values: never) => object;
}

/** First place of what has no shape, and is a list itself. */
const LIST = 0;

export class MailShapes {
  private readonly list: readonly MailShape[];
  private readonly numbers: ReadonlyMap<string, number>;

  /** Numbers are places in this list, from 1: append only, as nodes of two releases must agree on them. */
  constructor(list: readonly MailShape[]) {
    this.list = list;
    this.numbers = new Map(list.map(({ t }, i) => [t, i + 1]));
  }

  /** What stands for the mail on the wire. */
  pack(mail: object): unknown {
    if (Array.isArray(mail)) return [LIST, mail];
    const number = this.numbers.get((mail as { readonly t?: string }).t ?? '');
    if (number === undefined) return mail;
    const values = this.list[number - 1]?.write(mail as never) ?? [];
    values[0] = number;
    return values;
  }

  /** Throws when it is of no shape that is known here. */
  unpack(packed: unknown): object {
    if (!Array.isArray(packed)) return packed as object;
    const values: readonly unknown[] = packed;
    if (values[0] === LIST) return values[1] as object;
    const shape = this.list[(values[0] as number) - 1];
    if (shape === undefined) throw new Error('a mail of a shape that is not known');
    return shape.read(values as never);
  }
}

export const NO_SHAPES = new MailShapes([]);
