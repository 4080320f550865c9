// The closed set of error codes and of close codes. Each code says whether trying again can help. Imports nothing.

export const ERROR_CODES = {
  bad_frame: { retry: false, about: 'The frame breaks the format or a limit of it.' },
  bad_argument: { retry: false, about: 'A field is well formed but makes no sense here.' },
  too_large: { retry: false, about: 'A body, list or frame is over its limit.' },
  unsupported_version: { retry: false, about: 'The server does not speak this version of the wire.' },
  unauthenticated: { retry: false, about: 'The token is missing, wrong or not for this server.' },
  token_expired: { retry: true, about: 'Get a fresh token and try again.' },
  forbidden: { retry: false, about: 'Your role in the chat does not allow this.' },
  not_member: { retry: false, about: 'You are not a member of this chat, or it does not exist.' },
  blocked: { retry: false, about: 'The other user does not take messages from you.' },
  no_such_device: { retry: false, about: 'No such device of yours.' },
  already_member: { retry: false, about: 'All of these users are members already.' },
  chat_full: { retry: false, about: 'The group has as many members as it may.' },
  too_many_devices: { retry: false, about: 'Remove a device first.' },
  too_many_sockets: { retry: true, about: 'Too many sockets of this user or source; close one.' },
  out_of_order: { retry: true, about: 'The message named in `after` is not known; send from there on again.' },
  rate_limited: { retry: true, about: 'Too many messages or bytes; wait as told.' },
  overloaded: { retry: true, about: 'The server sheds load; wait as told.' },
  unavailable: {
    retry: true,
    about: 'The store did not confirm in time; the outcome is unknown, send the same id again.',
  },
  shutting_down: { retry: true, about: 'This node is going away; reconnect.' },
  displaced: { retry: false, about: 'Another socket of this device took over.' },
  revoked: { retry: false, about: 'The device or its token was revoked.' },
  internal: { retry: true, about: 'A fault of the server, recorded there.' },
} as const;
export type ErrorCode = keyof typeof ERROR_CODES;

/** What a client should do after a close: come back here, come back elsewhere, or not by itself. */
export type CloseAction = 'reconnect' | 'elsewhere' | 'stop';
export const CLOSE_CODES = {
  goingAway: { code: 4000, action: 'reconnect', about: 'The node stops or restarts.' },
  elsewhere: { code: 4001, action: 'elsewhere', about: 'Another node should serve you; ask /v1/route.' },
  slowReader: { code: 4002, action: 'reconnect', about: 'You read too slowly; reconnect and resume.' },
  silent: { code: 4003, action: 'reconnect', about: 'Nothing was heard from you for 30 s.' },
  overloaded: { code: 4004, action: 'reconnect', about: 'The server sheds load; reconnect with backoff.' },
  signInTimeout: { code: 4005, action: 'reconnect', about: 'No HELLO in time.' },
  tokenExpired: { code: 4006, action: 'reconnect', about: 'Reconnect with a fresh token.' },
  serverFault: { code: 4007, action: 'reconnect', about: 'A fault of the server, recorded there.' },
  badFrame: { code: 4100, action: 'stop', about: 'A frame broke the protocol.' },
  unauthenticated: { code: 4101, action: 'stop', about: 'The token was refused.' },
  displaced: { code: 4102, action: 'stop', about: 'Another socket of this device took over.' },
  revoked: { code: 4103, action: 'stop', about: 'The device was removed.' },
  tooMany: { code: 4104, action: 'stop', about: 'Too many devices or sockets.' },
  unsupportedVersion: { code: 4105, action: 'stop', about: 'The server does not speak this version.' },
} as const;
export type CloseName = keyof typeof CLOSE_CODES;

/** A peer's fault: refuses one frame or closes one connection, and nothing else. */
export class ProtocolError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'ProtocolError';
    this.code = code;
  }
}
