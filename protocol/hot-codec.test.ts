import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraries } from './arbitraries.ts';
import { encodeFrame } from './codec.ts';
import { FRAMES, type FrameName } from './frames.ts';
import * as hot from './hot-codec.ts';
import { Reader } from './msgpack-reader.ts';
import { Writer } from './msgpack-writer.ts';
import { codecOfName, readFrame, writeFrame } from './table-codec.ts';

const { frameOf } = arbitraries(fc);

const readers = {
  SEND_MESSAGE: hot.readSendMessage,
  MESSAGE_ACK: hot.readMessageAck,
  RECEIVE_MESSAGE: hot.readReceiveMessage,
} as const;
// Each takes the frame of its own name; the test gives it whatever it likes.
const writers = {
  SEND_MESSAGE: hot.writeSendMessage,
  MESSAGE_ACK: hot.writeMessageAck,
  SENT: hot.writeSent,
  RECEIVE_MESSAGE: hot.writeReceiveMessage,
  RECEIPT: hot.writeReceipt,
} as unknown as Readonly<Partial<Record<FrameName, (w: Writer, frame: object) => void>>>;

/** The result or the error of an attempt, as something to compare. */
function outcome(attempt: () => unknown): unknown {
  try {
    return attempt();
  } catch (error) {
    return error instanceof Error ? { ...error, message: error.message } : error;
  }
}

function readWith(bytes: Uint8Array, read: (r: Reader, items: number) => unknown): unknown {
  return outcome(() => {
    const reader = new Reader();
    reader.start(bytes);
    const items = reader.array('frame');
    reader.uint(127, 'op');
    const frame = read(reader, items);
    reader.finish();
    return { frame, keys: Object.keys(frame as object) };
  });
}

function writeWith(write: (w: Writer) => void): unknown {
  return outcome(() => {
    const out = new Uint8Array(70_000);
    const writer = new Writer();
    writer.start(out, 0);
    write(writer);
    return out.slice(0, writer.end());
  });
}

/** A valid frame with one byte changed, or cut short, or with one byte more. */
const damaged = (name: FrameName): fc.Arbitrary<Uint8Array> =>
  fc.tuple(frameOf(name), fc.nat(), fc.integer({ min: -2, max: 255 })).map(([frame, where, byte]) => {
    const bytes = encodeFrame(frame);
    if (byte === -2) return bytes.slice(0, where % bytes.length);
    if (byte === -1) return Uint8Array.of(...bytes, 0xc0);
    const copy = bytes.slice();
    const at = where % Math.min(copy.length, 120);
    if (at !== 1) copy[at] = byte;
    return copy;
  });

describe('the hand-written paths do what the table says', () => {
  for (const [name, read] of Object.entries(readers) as [FrameName, (typeof readers)['SEND_MESSAGE']][]) {
    const codec = codecOfName(name);
    it(`reads ${name} alike, whole and damaged`, () => {
      const bytes = fc.oneof(
        frameOf(name).map((frame) => encodeFrame(frame)),
        damaged(name),
      );
      fc.assert(
        fc.property(bytes, (b) => {
          expect(readWith(b, read)).toEqual(readWith(b, (r, items) => readFrame(r, codec, items)));
        }),
        { numRuns: 2_000 },
      );
    });
  }

  for (const [name, write] of Object.entries(writers)) {
    const codec = codecOfName(name);
    it(`writes ${name} alike, right and wrong`, () => {
      const wrong = fc
        .tuple(
          frameOf(codec.name),
          fc.constantFrom(...codec.names),
          fc.constantFrom<unknown>(null, undefined, -1, 2 ** 60, 1.5, '', 'ä', 'x'.repeat(65), [], [null], {}, true),
        )
        .map(([frame, field, value]) => ({ ...frame, [field]: value }));
      fc.assert(
        fc.property(fc.oneof(frameOf(codec.name), wrong), (frame) => {
          expect(writeWith((w) => write(w, frame))).toEqual(writeWith((w) => writeFrame(w, codec, frame)));
        }),
        { numRuns: 1_000 },
      );
    });
  }

  it('covers frames that exist', () => {
    for (const name of [...Object.keys(readers), ...Object.keys(writers)]) expect(FRAMES).toHaveProperty(name);
  });
});
