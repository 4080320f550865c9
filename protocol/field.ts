// What a field of a frame may be. The schema of a field is data, so that codec, validation and documentation are made from it.

/** A field as the table has it, with what it is for. */
export type Field =
  | { readonly is: 'uint'; readonly max: number; readonly about: string }
  | { readonly is: 'bool'; readonly about: string }
  | { readonly is: 'str'; readonly max: number; readonly about: string } //   characters are UTF-16 units
  | { readonly is: 'id'; readonly max: number; readonly about: string } //    1 to max of A–Z a–z 0–9 . _ ~ : @ + -
  | { readonly is: 'bin'; readonly max: number; readonly about: string }
  | { readonly is: 'nil'; readonly of: Field; readonly about: string } //     the field or nil
  | { readonly is: 'list'; readonly of: Field; readonly max: number; readonly about: string }
  | { readonly is: 'tuple'; readonly of: { readonly [name: string]: Field }; readonly about: string }
  | { readonly is: 'frames'; readonly max: number; readonly about: string }; // nested RECEIVE_MESSAGE frames, as encoded bytes

export type ValueOf<F extends Field> = F extends { is: 'uint' }
  ? number
  : F extends { is: 'bool' }
    ? boolean
    : F extends { is: 'str' | 'id' }
      ? string
      : F extends { is: 'bin' }
        ? Uint8Array
        : F extends { is: 'nil'; of: infer G extends Field }
          ? ValueOf<G> | null
          : F extends { is: 'list'; of: infer G extends Field }
            ? readonly ValueOf<G>[]
            : F extends { is: 'tuple'; of: infer T extends { readonly [name: string]: Field } }
              ? { readonly [K in keyof T]: ValueOf<T[K]> }
              : F extends { is: 'frames' }
                ? readonly Uint8Array[]
                : never;

/** A field as the codec needs it. A `Field` is one too. */
export type Shape =
  | { readonly is: 'bool' }
  | { readonly is: 'uint' | 'str' | 'id' | 'bin' | 'frames'; readonly max: number }
  | { readonly is: 'nil'; readonly of: Shape }
  | { readonly is: 'list'; readonly of: Shape; readonly max: number }
  | { readonly is: 'tuple'; readonly of: { readonly [name: string]: Shape } };
export type Shapes = Readonly<Record<string, Shape>>;
