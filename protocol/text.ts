// Characters and bytes: strict UTF-8 both ways, and the characters of ids. Knows nothing of frames. Speed matters here: every
// id of every frame passes through, so the loops index typed arrays within bounds checked by the caller (hence the casts).

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** 1 for each byte that an id may hold: A–Z a–z 0–9 . _ ~ : @ + - */
export const ID_CHARS: Uint8Array = new Uint8Array(256);
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:@+-') ID_CHARS[c.charCodeAt(0)] = 1;

/** True when all bytes in the range are characters of ids. */
export function areIdChars(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (ID_CHARS[bytes[i] as number] === 0) return false;
  return true;
}

type Slice = (this: Uint8Array, from: number, to: number) => string;
/** Where there is a Buffer (Node), it makes one flat string; joined pieces cost more memory in the maps that ids are keys of. */
const flat = (globalThis as { Buffer?: { prototype?: { latin1Slice?: Slice } } }).Buffer?.prototype?.latin1Slice;

/** The string of ASCII bytes; the caller has checked that they are below 128. */
export function asciiText(bytes: Uint8Array, from: number, to: number): string {
  return flat !== undefined && to - from > 15 ? flat.call(bytes, from, to) : joinedText(bytes, from, to);
}

/** For browsers, and for short strings everywhere. Eight characters a call measured best. */
export function joinedText(bytes: Uint8Array, from: number, to: number): string {
  const { fromCharCode } = String;
  let text = '';
  let i = from;
  for (; i + 8 <= to; i += 8)
    text += fromCharCode(
      bytes[i] as number,
      bytes[i + 1] as number,
      bytes[i + 2] as number,
      bytes[i + 3] as number,
      bytes[i + 4] as number,
      bytes[i + 5] as number,
      bytes[i + 6] as number,
      bytes[i + 7] as number,
    );
  if (i + 4 <= to) {
    text += fromCharCode(bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number, bytes[i + 3] as number);
    i += 4;
  }
  for (; i < to; i++) text += fromCharCode(bytes[i] as number);
  return text;
}

/** The string of UTF-8 bytes, or null when they are not valid UTF-8. A byte order mark stays a character. */
export function utf8Text(bytes: Uint8Array, from: number, to: number): string | null {
  let i = from;
  if (to - from <= 64) {
    while (i < to && (bytes[i] as number) < 0x80) i++;
    if (i === to) return asciiText(bytes, from, to);
  }
  try {
    return strict.decode(bytes.subarray(from, to));
  } catch {
    return null;
  }
}

/** Bytes of a string in UTF-8, or −1 when it holds half a surrogate pair and so has no UTF-8 form. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x80) continue;
    if (c < 0x800) bytes += 1;
    else if (c < 0xd800 || c > 0xdfff) bytes += 2;
    else {
      const low = text.charCodeAt(++i); // NaN at the end, which fails the test below
      if (c > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return -1;
      bytes += 2;
    }
  }
  return bytes;
}

/** Writes a well-formed string (see `utf8Length`) at `at`; gives the position after it. Writes past the end fall away. */
export function writeUtf8(text: string, out: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) {
    let c = text.charCodeAt(i);
    if (c < 0x80) {
      out[at++] = c;
      continue;
    }
    if (c < 0x800) out[at++] = 0xc0 | (c >> 6);
    else {
      if (c >= 0xd800 && c <= 0xdfff) {
        c = 0x10000 + ((c - 0xd800) << 10) + (text.charCodeAt(++i) - 0xdc00);
        out[at++] = 0xf0 | (c >> 18);
        out[at++] = 0x80 | ((c >> 12) & 0x3f);
      } else out[at++] = 0xe0 | (c >> 12);
      out[at++] = 0x80 | ((c >> 6) & 0x3f);
    }
    out[at++] = 0x80 | (c & 0x3f);
  }
  return at;
}

export function utf8Bytes(text: string): Uint8Array | null {
  const length = utf8Length(text);
  if (length < 0) return null;
  const bytes = new Uint8Array(length);
  writeUtf8(text, bytes, 0);
  return bytes;
}
