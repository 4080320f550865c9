// The way in: a name, which becomes part of the address, so that each tab keeps its own.
import { isUserId } from '../../../protocol/index.ts';
import { h } from '../dom.ts';

const SUGGESTED = ['alice', 'bob', 'carol', 'dave'] as const;

export function signIn(tried: string): HTMLElement {
  const problem = h('p', { class: 'problem', role: 'alert' });
  const input = h('input', {
    name: 'as',
    'aria-label': 'Your name',
    placeholder: 'Your name',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    maxlength: 64,
    value: tried,
    autofocus: true,
  });
  const form = h('form', {}, input, h('button', { class: 'primary' }, 'Chat'), problem);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const name = input.value.trim();
    if (isUserId(name)) location.assign(addressOf(name));
    else problem.textContent = 'A name has 1 to 64 of these: letters, digits . _ ~ : @ + -';
  });
  const names = SUGGESTED.map((name) => h('a', { href: addressOf(name), class: 'chip' }, name));
  return h(
    'main',
    { class: 'sign-in' },
    h('h1', {}, 'Parley'),
    h('p', {}, 'Who are you today? Open another window as somebody else, and talk.'),
    form,
    h('p', { class: 'chips' }, ...names),
    h('p', { class: 'small' }, 'A demo: anybody may be anybody here.'),
  );
}

const addressOf = (name: string): string => `/?as=${encodeURIComponent(name)}`;
