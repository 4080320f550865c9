// Beginning a chat: with one person, or a group. The browser's own dialog keeps the focus and hears Escape.
import { h } from '../dom.ts';
import { errorWords } from '../words.ts';

export const namesIn = (words: string): string[] => [...new Set(words.split(/[\s,;]+/).filter((word) => word !== ''))];

interface Question {
  readonly title: string;
  readonly fields: readonly {
    readonly name: string;
    readonly label: string;
    readonly hint: string;
    readonly max: number;
  }[];
  readonly action: string;
  /** Throws, or rejects, to say what is wrong. */
  done(answers: Readonly<Record<string, string>>): Promise<void>;
}

export function newChatDialog(openDirect: (user: string) => Promise<void>): void {
  ask({
    title: 'New chat',
    fields: [{ name: 'user', label: 'With whom?', hint: 'bob', max: 64 }],
    action: 'Open',
    done: ({ user = '' }) => openDirect(user),
  });
}

export function newGroupDialog(makeGroup: (title: string, members: readonly string[]) => Promise<void>): void {
  ask({
    title: 'New group',
    fields: [
      { name: 'title', label: 'Title', hint: 'Climbing on Sunday', max: 128 },
      { name: 'members', label: 'With whom?', hint: 'bob, carol', max: 2_000 },
    ],
    action: 'Make',
    done: ({ title = '', members = '' }) => makeGroup(title, namesIn(members)),
  });
}

function ask(question: Question): void {
  const problem = h('p', { class: 'problem', role: 'alert' });
  const inputs = question.fields.map(({ name, hint, max }) =>
    h('input', {
      name,
      placeholder: hint,
      maxlength: max,
      dir: 'auto',
      autocomplete: 'off',
      autocapitalize: 'off',
      required: true,
    }),
  );
  const labels = question.fields.map(({ label }, i) => h('label', {}, label, inputs[i]));
  const cancel = h('button', { type: 'button' }, 'Cancel');
  const go = h('button', { class: 'primary' }, question.action);
  const form = h(
    'form',
    {},
    h('h2', {}, question.title),
    ...labels,
    problem,
    h('div', { class: 'actions' }, cancel, go),
  );
  const dialog = h('dialog', { 'aria-label': question.title }, form);
  const done = async (): Promise<void> => {
    go.disabled = true;
    problem.textContent = '';
    try {
      await question.done(Object.fromEntries(inputs.map(({ name, value }) => [name, value.trim()])));
      dialog.close();
    } catch (error) {
      problem.textContent = errorWords(error);
    }
    go.disabled = false;
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void done();
  });
  cancel.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
