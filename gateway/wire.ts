// From the payload of a WebSocket message to a frame of ours and back, for both subprotocols. A fault of the peer comes back as a
// value, because it has to wait its turn behind frames that its cell has not taken yet.
import {
  type ClientFrame,
  decodeClientFrame,
  decodeClientJson,
  decodeServerFrame,
  encodeJson,
  ProtocolError,
} from '../protocol/index.ts';

export function decodeWire(payload: Uint8Array): ClientFrame | ProtocolError {
  try {
    return decodeClientFrame(payload);
  } catch (error) {
    return asProtocolError(error);
  }
}

export function decodeText(payload: Buffer): ClientFrame | ProtocolError {
  try {
    return decodeClientJson(payload.toString('utf8'));
  } catch (error) {
    return asProtocolError(error);
  }
}

/** A server frame as JSON text. Slow, and meant for a person with a generic client. Throws what the codec throws. */
export function encodeText(frame: Uint8Array): Uint8Array {
  return Buffer.from(encodeJson(decodeServerFrame(frame)), 'utf8');
}

/** Anything else than a ProtocolError is a bug of the codec, and must not reach beyond this socket either. */
function asProtocolError(error: unknown): ProtocolError {
  return error instanceof ProtocolError ? error : new ProtocolError('internal', 'The frame could not be read.');
}
