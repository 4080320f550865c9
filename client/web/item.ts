// One line of a chat as it is shown, and how entries of the log become one. Items are never changed, only replaced. Pure.
import { TYPE } from '../../protocol/index.ts';
import type { MessageStatus } from '../browser.ts';
import type { EntryLike } from '../view/index.ts';
import { changeWords } from './words.ts';

export interface Item {
  /** Stays the same from the outbox to the log. */
  readonly key: string;
  readonly is: 'message' | 'change';
  /** The sender's id for it. */
  readonly id: string;
  /** Null while it is not sent. */
  readonly seq: number | null;
  readonly sender: string;
  readonly at: number;
  readonly text: string;
  /** What was heard of an own message itself; null for what came from the log. */
  readonly status: MessageStatus | null;
  /** Why it failed. */
  readonly fault: string | null;
  /** It came from the log, not from our own outbox. */
  readonly settled: boolean;
  readonly mark: 'edited' | 'deleted' | null;
  /** The last of each user. */
  readonly reactions: ReadonlyMap<string, string>;
}

export function itemOf(entry: EntryLike, me: string): Item {
  const { change, type, text, body, sender } = entry;
  const words =
    type === TYPE.text ? text : type === TYPE.ciphertext ? '🔒 encrypted' : `📎 type ${type}, ${body.length} bytes`;
  return {
    key: `${entry.seq}`,
    is: type < TYPE.created ? 'message' : 'change',
    id: entry.id,
    seq: entry.seq,
    sender,
    at: entry.ts,
    text: type < TYPE.created ? words : change === null ? `a change of type ${type}` : changeWords(sender, change, me),
    status: null,
    fault: null,
    settled: true,
    mark: null,
    reactions: new Map(),
  };
}

export function queuedItem(
  message: { readonly id: string; readonly at: number; readonly text: string },
  me: string,
): Item {
  const { id, at, text } = message;
  return {
    key: `own ${id}`,
    is: 'message',
    id,
    seq: null,
    sender: me,
    at,
    text,
    status: 'queued',
    fault: null,
    settled: false,
    mark: null,
    reactions: new Map(),
  };
}

/** Edits and deletions count when they are by the author; a reaction of nothing takes back the one before. */
export function applyAbout(item: Item, { type, text, sender }: EntryLike): Item {
  if (type === TYPE.reaction) {
    const reactions = new Map(item.reactions);
    if (text === '') reactions.delete(sender);
    else reactions.set(sender, text);
    return { ...item, reactions };
  }
  if (item.sender !== sender || item.mark === 'deleted') return item;
  return type === TYPE.edit ? { ...item, text, mark: 'edited' } : { ...item, text: '', mark: 'deleted' };
}
