// The example of docs/runtime.md, word for word; example.test.ts runs it and compares.
import {
  CONTINUE,
  createKernel,
  createRealEnv,
  type Kind,
  type Letter,
  type Ref,
  type ServiceKind,
  silentLog,
  startService,
} from '../index.ts';

// A service writes lines down. It may await: while it does, more mail gathers, and comes as the next batch.
type Line = { t: 'line'; text: string };
const journal: ServiceKind<string[], Line> = {
  name: 'journal',
  inboxMailsMax: 1_000,
  batchMailsMax: 100,
  init: () => [],
  async receive(ctx, lines, batch: readonly Letter<Line>[]) {
    await ctx.sleep(5); // as a disk would
    for (const { from, mail } of batch) {
      lines.push(mail.text);
      if (from !== null) ctx.reply(from, { t: 'written', count: lines.length });
    }
  },
};

// A cell is a word that is counted. It never awaits: what the service says comes back as mail.
type CounterMail = { t: 'add'; by: number } | { t: 'get' };
type CounterState = { total: number; written: number };
const counter = (service: Ref): Kind<CounterState, CounterMail> => ({
  name: 'counter',
  restart: 'transient',
  activate: 'mail',
  init: () => ({ total: 0, written: 0 }),
  receive(ctx, state, mail) {
    if (mail.t === 'get') {
      ctx.answer({ total: state.total, written: state.written });
      return CONTINUE;
    }
    if (mail.by < 0) throw new Error('counters only grow');
    state.total += mail.by;
    ctx.tell(service, { t: 'line', text: `${ctx.key} ${state.total}` });
    return CONTINUE;
  },
  onReply(_ctx, state) {
    state.written++;
    return CONTINUE;
  },
});

export const main = async (print: (line: string) => void): Promise<void> => {
  const kernel = createKernel({ env: createRealEnv(silentLog), node: 'example' });
  const { ref } = startService(kernel, journal);
  kernel.register(counter(ref));

  // The first mail to a name brings its cell to life.
  for (const word of ['to', 'be', 'or', 'not', 'to', 'be']) kernel.route('counter', word, { t: 'add', by: 1 });
  const total = await kernel.ask('counter', 'to', { t: 'get' }, 1_000);
  print(`to: ${JSON.stringify(total.value)}`);

  // A crash takes down one cell. Its host starts it again after a pause; the mail that waits is kept.
  kernel.route('counter', 'be', { t: 'add', by: -1 });
  kernel.route('counter', 'be', { t: 'add', by: 5 });
  const afresh = await kernel.ask('counter', 'be', { t: 'get' }, 1_000);
  print(`be: ${JSON.stringify(afresh.value)}`);

  // The outside asks a service in the same way. The cells have heard of their own lines by then.
  const end = await kernel.askService(ref, { t: 'line', text: 'the end' }, 1_000);
  print(`journal: ${JSON.stringify(end.value)}`);
  const heard = await kernel.ask('counter', 'to', { t: 'get' }, 1_000);
  print(`to: ${JSON.stringify(heard.value)}`);

  print(`crashes: ${kernel.kindStats()[0]?.crashes}, cells: ${kernel.stats().cells}`);
  await kernel.shutdown();
};
