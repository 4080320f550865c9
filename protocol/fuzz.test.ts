import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { arbitraries } from './arbitraries.ts';
import { decodeClientFrame, decodeServerFrame, encodeFrame } from './codec.ts';
import { ProtocolError } from './errors.ts';
import { type ClientFrame, FRAMES, type FrameName, type ServerFrame } from './frames.ts';

const { anyFrame } = arbitraries(fc);
const names = Object.keys(FRAMES) as FrameName[];
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

const decode = (bytes: Uint8Array): ClientFrame | ServerFrame => {
  const fromServer = names.some((name) => FRAMES[name].op === bytes[1] && FRAMES[name].from === 'server');
  return fromServer ? decodeServerFrame(bytes) : decodeClientFrame(bytes);
};

/** A valid frame, damaged: bytes changed, removed, doubled, put in, or the end cut off. */
const mutated = fc
  .tuple(
    anyFrame,
    fc.array(fc.tuple(fc.constantFrom('set', 'remove', 'insert', 'double', 'cut'), fc.nat(), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([frame, changes]) => {
    const bytes = [...encodeFrame(frame)];
    for (const [what, where, byte] of changes) {
      const at = where % Math.max(1, bytes.length);
      if (what === 'set') bytes[at] = byte;
      if (what === 'remove') bytes.splice(at, 1);
      if (what === 'insert') bytes.splice(at, 0, byte);
      if (what === 'double') bytes.splice(at, 0, ...bytes.slice(at, at + byte));
      if (what === 'cut') bytes.length = at;
    }
    return Uint8Array.from(bytes);
  });

/** Arrays that begin as a frame does, with anything in them. */
const anything = fc
  .tuple(fc.constantFrom(...names), fc.array(fc.anything({ withDate: true, withBigInt: false, withTypedArray: true })))
  .map(([name, rest]) => {
    try {
      return Uint8Array.from(packr.pack([FRAMES[name].op, ...rest]));
    } catch {
      return new Uint8Array(0); // what msgpackr cannot write
    }
  });

function check(bytes: Uint8Array): void {
  for (const read of [decodeClientFrame, decodeServerFrame]) {
    const before = bytes.slice();
    try {
      const frame = read(bytes);
      expect(decode(encodeFrame(frame))).toEqual(frame); // what was taken has a form of ours with the same meaning
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      expect(['bad_frame', 'too_large']).toContain(error.code);
    }
    expect(bytes).toEqual(before);
  }
}

describe('the decoders give a frame or a ProtocolError', () => {
  it('for random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), { numRuns: 3_000 });
  });
  it('for damaged frames', () => {
    fc.assert(fc.property(mutated, check), { numRuns: 3_000 });
  });
  it('for arrays of anything, as msgpackr writes it, extensions and all', () => {
    fc.assert(fc.property(anything, check), { numRuns: 1_000 });
  });
});

describe('msgpackr, an encoder and decoder by others,', () => {
  /** The values of an array without views and Buffers. */
  const plain = (v: unknown): unknown =>
    v instanceof Uint8Array ? Uint8Array.from(v) : Array.isArray(v) ? v.map(plain) : v;

  it('reads what we write and, written by it again, we read the same frame', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const theirs: unknown = plain(unpackr.unpack(encodeFrame(frame)));
        expect(Array.isArray(theirs) && theirs[0]).toBe(frame.op);
        const again = decode(Uint8Array.from(packr.pack(theirs)));
        if (frame.op === FRAMES.HISTORY_PAGE.op) {
          // Nested frames stay bytes, and msgpackr chooses longer forms for some numbers.
          const { entries, ...rest } = again as typeof frame;
          expect({ ...rest, entries: entries.map(decodeServerFrame) }).toEqual({
            ...frame,
            entries: frame.entries.map(decodeServerFrame),
          });
        } else expect(again).toEqual(frame);
      }),
      { numRuns: 2_000 },
    );
  });

  it('reads simple fields as the values we gave', () => {
    const flat = anyFrame.filter((frame) => Object.values(frame).every((v) => typeof v !== 'object' || v === null));
    fc.assert(
      fc.property(flat, (frame) => {
        expect(unpackr.unpack(encodeFrame(frame))).toEqual(Object.values(frame));
      }),
      { numRuns: 1_000 },
    );
  });
});
