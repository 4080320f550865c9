// Base64 of bytes, strictly: standard with padding for binaries in JSON, URL-safe without padding for ids.

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_SAFE = `${STANDARD.slice(0, 62)}-_`;
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) VALUES[STANDARD.charCodeAt(i)] = i;

function encode(bytes: Uint8Array, letters: string): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += letters.charAt(bits >> 18) + letters.charAt((bits >> 12) & 63);
    if (left > 1) text += letters.charAt((bits >> 6) & 63);
    if (left > 2) text += letters.charAt(bits & 63);
  }
  return text;
}

export const toBase64Url = (bytes: Uint8Array): string => encode(bytes, URL_SAFE);

export function toBase64(bytes: Uint8Array): string {
  const text = encode(bytes, STANDARD);
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** The bytes, or null unless `text` is exactly what `toBase64` gives for some bytes. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const letters = text.length - padding;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < letters; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1;
    if (value < 0) return null;
    bits = ((bits << 6) | value) & 0xff_ffff;
    if (i % 4 === 3 || i === letters - 1) {
      const got = (i % 4) + 1; // letters of this group
      if (got < 4) bits <<= 6 * (4 - got);
      bytes[at] = bits >> 16;
      if (got > 2) bytes[at + 1] = bits >> 8;
      if (got > 3) bytes[at + 2] = bits;
      if ((got === 2 && bits & 0xffff) || (got === 3 && bits & 0xff)) return null; // bits that no byte holds
      at += got - 1;
      bits = 0;
    }
  }
  return bytes;
}
