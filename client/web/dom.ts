// Elements without markup: text only ever becomes a text node, so nothing that a person writes can become anything else.

type Child = Node | string | null | undefined | false;
/** Attributes; `class` and the like as in HTML. True sets an empty one; false, null and undefined leave it out. */
export type Attributes = Readonly<Record<string, string | number | boolean | null | undefined>>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function setAttribute(element: Element, name: string, value: Attributes[string]): void {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value === true ? '' : value))
    element.setAttribute(name, value === true ? '' : String(value));
}

/** Touches the page only when there is something to change: what reads it aloud would begin again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** A button with a shape for those who see it and a name for all others. */
export function iconButton(label: string, icon: string, attributes: Attributes = {}): HTMLButtonElement {
  return h('button', { type: 'button', class: 'icon', 'aria-label': label, title: label, ...attributes }, svg(icon));
}

const SVG = 'http://www.w3.org/2000/svg';

/** An outline on a grid of 24. */
export function svg(path: string): SVGElement {
  const image = document.createElementNS(SVG, 'svg');
  for (const [name, value] of Object.entries({ viewBox: '0 0 24 24', 'aria-hidden': 'true', class: 'shape' }))
    image.setAttribute(name, value);
  const shape = document.createElementNS(SVG, 'path');
  shape.setAttribute('d', path);
  image.append(shape);
  return image;
}

export const ICONS = {
  send: 'M4 12 L20 4 L14 20 L11 13 Z',
  back: 'M15 5 L8 12 L15 19',
  people:
    'M9 11 a3.2 3.2 0 1 0 0 -6.4 a3.2 3.2 0 0 0 0 6.4 Z M3 19 a6 6 0 0 1 12 0 M16 11 a2.8 2.8 0 1 0 0 -5.4 M17 13.5 a5.5 5.5 0 0 1 4 5.5',
  close: 'M6 6 L18 18 M18 6 L6 18',
  chat: 'M12 5 V19 M5 12 H19',
  group: 'M8 11 a3 3 0 1 0 0 -6 a3 3 0 0 0 0 6 Z M2.5 19 a5.5 5.5 0 0 1 11 0 M18 8 V16 M14 12 H22',
  waits: 'M12 4 a8 8 0 1 0 0 16 a8 8 0 0 0 0 -16 Z M12 8 V12 L15 14',
  tick: 'M5 12.5 L10 17.5 L20 6.5',
  ticks: 'M1 12.5 L6 17.5 L16 6.5 M10.5 15.5 L12.5 17.5 L22.5 6.5',
  failed: 'M12 5 V14 M12 18 V18.5',
  down: 'M6 9 L12 15 L18 9',
} as const;

/**
 * Children of `parent` become those of `wanted`, each made once for its key, updated when its `version` differs, and moved only
 * when it is out of place.
 */
export interface Keyed {
  readonly key: string;
  readonly version: string;
  make(): HTMLElement;
}

export class KeyedList {
  readonly #parent: HTMLElement;
  #shown = new Map<string, { version: string; element: HTMLElement }>();

  constructor(parent: HTMLElement) {
    this.#parent = parent;
  }

  show(wanted: readonly Keyed[]): void {
    const before = this.#shown;
    this.#shown = new Map();
    let at: ChildNode | null = this.#parent.firstChild;
    for (const one of wanted) {
      const old = before.get(one.key);
      before.delete(one.key);
      const element = old?.version === one.version ? old.element : one.make();
      this.#shown.set(one.key, { version: one.version, element });
      if (old !== undefined && old.element !== element) {
        if (at === old.element) at = element;
        const focused = old.element === document.activeElement || old.element.contains(document.activeElement);
        old.element.replaceWith(element);
        if (focused) (element.querySelector<HTMLElement>('button') ?? element).focus();
      }
      if (at === element) at = element.nextSibling;
      else this.#parent.insertBefore(element, at);
    }
    for (const { element } of before.values()) element.remove();
  }

  get(key: string): HTMLElement | null {
    return this.#shown.get(key)?.element ?? null;
  }
}
