// An entry of a chat as the application sees it: a message, or a change of the chat itself.
import { type Change, decodeChange, type Frame, ProtocolError, TYPE } from '../../protocol/index.ts';

const decoder = new TextDecoder();

export class ChatEntry {
  readonly chat: string;
  /** Its number in the chat: 1, 2, 3 … the same on all devices. */
  readonly seq: number;
  /** The user and the device that it comes from. */
  readonly sender: string;
  readonly device: string;
  /** The sender's id for it. */
  readonly id: string;
  /** When the server took it, milliseconds since 1970. */
  readonly ts: number;
  /** Content type: see TYPE. From 16 on a change of the chat: see `change`. */
  readonly type: number;
  readonly body: Uint8Array;
  /** The entry that this one replies to, edits, deletes or reacts to. */
  readonly about: number | null;
  readonly #ack: (entry: ChatEntry) => void;

  /** @internal */
  constructor(frame: Omit<Frame<'RECEIVE_MESSAGE'>, 'op'>, ack: (entry: ChatEntry) => void) {
    this.chat = frame.chat;
    this.seq = frame.seq;
    this.sender = frame.sender;
    this.device = frame.device;
    this.id = frame.id;
    this.ts = frame.ts;
    this.type = frame.type;
    this.body = frame.body;
    this.about = frame.about;
    this.#ack = ack;
  }

  /** The body as UTF-8; empty for a change of the chat. */
  get text(): string {
    return this.type < TYPE.created ? decoder.decode(this.body) : '';
  }

  /** What a change of the chat says; null for messages, and for changes that this version does not know. */
  get change(): Change | null {
    if (this.type < TYPE.created) return null;
    try {
      return decodeChange(this.type, this.body);
    } catch (error) {
      if (error instanceof ProtocolError) return null;
      throw error;
    }
  }

  /**
   * The application is done with this entry and all before it in its chat: it is not shown again after a restart. Needed with
   * `ack: 'manual'`; with `ack: 'auto'` being handed out has done it already.
   */
  ack(): void {
    this.#ack(this);
  }
}
