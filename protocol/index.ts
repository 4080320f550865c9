// The door of protocol/: the wire, for servers and clients alike.
export * from './errors.ts';
export * from './frames.ts';
export * from './limits.ts';
