// The id of one life of a node: `name#incarnation`. An incarnation is drawn at each start, and at each rejoin after a lost lease;
// one that is dead never returns. Pure; knows nothing of where ids are used.

export type NodeId = string & { readonly __nodeId: true };

/** Of a name. It stands in keys and subjects of NATS as one token, so no dot; lower than 64, as it is in every envelope. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** Characters of `Env.id()` that are kept: 48 random bits, drawn anew at most once in seconds by one name. */
export const INCARNATION_LENGTH = 8;
const INCARNATION = /^[A-Za-z0-9_-]{1,22}$/;

/** Throws when a part could not stand in a key. */
export function nodeIdOf(name: string, incarnation: string): NodeId {
  if (!NAME.test(name)) throw new Error(`not a node name: ${name} (letters, digits, - and _, 64 at most)`);
  if (!INCARNATION.test(incarnation)) throw new Error(`not an incarnation: ${incarnation}`);
  return `${name}#${incarnation}` as NodeId;
}

/** For ids that come from outside: null when it is not one. */
export function parseNodeId(text: unknown): NodeId | null {
  if (typeof text !== 'string') return null;
  const at = text.indexOf('#');
  return at > 0 && NAME.test(text.slice(0, at)) && INCARNATION.test(text.slice(at + 1)) ? (text as NodeId) : null;
}

export const nameOf = (id: NodeId): string => id.slice(0, id.indexOf('#'));
export const incarnationOf = (id: NodeId): string => id.slice(id.indexOf('#') + 1);
