// The small numbers of the wire by name, and the names that are negotiated. Imports nothing.

/** Content types of entries. Those below 16 come from clients, the others from the server. */
export const TYPE = {
  text: 0,
  media: 1,
  ciphertext: 2,
  edit: 3,
  delete: 4,
  reaction: 5,
  created: 16,
  added: 17,
  removed: 18,
  left: 19,
  role: 20,
  renamed: 21,
} as const;
/** Highest content type that a client may send, and highest of an entry. */
export const TYPE_MAX = { client: 15, server: 31 } as const;
export const CHAT_KIND = { direct: 0, group: 1 } as const;
export const ROLE = { member: 0, admin: 1, owner: 2 } as const;
export const CHANGE = { add: 0, remove: 1, leave: 2, role: 3, rename: 4 } as const;
export const WIRE_VERSION = 1;
export const SUBPROTOCOL = { msgpack: 'parley.v1', json: 'parley.v1.json' } as const;
