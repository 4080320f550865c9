// Random frames for tests, made from the frame table, so that a new frame is tested without a word. Not part of the door.
import fc from 'fast-check';
import { encodeFrame } from './codec.ts';
import { type ClientFrame, type Field, FRAMES, type FrameName, type ServerFrame } from './frames.ts';

export const FRAME_NAMES = Object.keys(FRAMES) as FrameName[];
const ID_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:@+-';

/** Integers that sit at the edges of MessagePack's widths as often as anywhere else. */
export const uintUpTo = (max: number): fc.Arbitrary<number> => {
  const edges = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 48, max].filter((n) => n <= max);
  return fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 0, max }));
};

const idOf = (max: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...ID_LETTERS), { minLength: 1, maxLength: max }).map((letters) => letters.join(''));

/** Well-formed text of any plane, of at most `max` UTF-16 units. */
const textOf = (max: number): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc.string({ maxLength: Math.min(max, 80) }),
      fc.string({ unit: 'binary', maxLength: Math.min(max >> 1, 80) }),
    )
    .filter((text) => text.length <= max);

export function arbitraryOf(field: Field): fc.Arbitrary<unknown> {
  switch (field.is) {
    case 'uint':
      return uintUpTo(field.max);
    case 'bool':
      return fc.boolean();
    case 'str':
      return textOf(field.max);
    case 'id':
      return idOf(field.max);
    case 'bin':
      return fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ unit: 'binary', maxLength: 60 }).map((text) => new TextEncoder().encode(text)),
      );
    case 'nil':
      return fc.option(arbitraryOf(field.of), { nil: null });
    case 'list':
      return fc.array(arbitraryOf(field.of), { maxLength: Math.min(field.max, 20) });
    case 'tuple':
      return recordOf(field.of);
    case 'frames':
      return fc.array(
        frameOf('RECEIVE_MESSAGE').map((entry) => encodeFrame(entry)),
        { maxLength: 5 },
      );
  }
}

const recordOf = (fields: Readonly<Record<string, Field>>): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, arbitraryOf(field)])), {
    noNullPrototype: true,
  });

export const frameOf = (name: FrameName): fc.Arbitrary<ClientFrame | ServerFrame> =>
  recordOf(FRAMES[name].fields).map(
    (fields) => ({ op: FRAMES[name].op, ...fields }) as unknown as ClientFrame | ServerFrame,
  );

export const anyFrame: fc.Arbitrary<ClientFrame | ServerFrame> = fc.oneof(...FRAME_NAMES.map(frameOf));
