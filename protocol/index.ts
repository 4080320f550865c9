// The door of protocol/: the wire, for servers and clients alike.
export * from './changes.ts';
export * from './codec.ts';
export * from './errors.ts';
export * from './field.ts';
export * from './frames.ts';
export * from './ids.ts';
export * from './json.ts';
export * from './kinds.ts';
export * from './limits.ts';
export { type MsgValue, Reader } from './msgpack-reader.ts';
export { Writer } from './msgpack-writer.ts';
export { OP } from './schema.ts';
