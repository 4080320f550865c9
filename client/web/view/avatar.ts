// A round sign for a name: its first letters on a colour that is always the same for it.
import { h } from '../dom.ts';

export function avatar(name: string, online = false): HTMLElement {
  const sign = h(
    'span',
    { class: 'avatar', 'aria-hidden': 'true' },
    initials(name),
    online && h('span', { class: 'dot' }),
  );
  sign.style.setProperty('--hue', String(hueOf(name)));
  return sign;
}

export function hueOf(name: string): number {
  let hash = 7;
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) >>> 0;
  return (hash % 24) * 15;
}

function initials(name: string): string {
  const words = name.split(/[\s._~:@+-]+/).filter((word) => word !== '');
  const letters = words.length > 1 ? words.slice(0, 2).map(first) : [first(words[0] ?? '?')];
  return letters.join('').toUpperCase();
}
const first = (word: string): string => [...word][0] ?? '';
