// The demo page: who is here, which device this tab is, a client with its outbox in this browser, and the views. Served by
// `parley dev`, which gives a token to whoever asks; a real application has its own sign-in in place of that.
import { isUserId } from '../../protocol/index.ts';
import { connect, idbStore, memoryStore, type OutboxStore, type Stored } from '../browser.ts';
import { claimDevice } from './device.ts';
import { h } from './dom.ts';
import { Session } from './session.ts';
import { STYLE } from './style.ts';
import { App } from './view/app.ts';
import { signIn } from './view/sign-in.ts';
import { errorWords } from './words.ts';

const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);
document.adoptedStyleSheets = [sheet];

start().catch((error: unknown) => {
  document.body.replaceChildren(h('p', { class: 'fatal', role: 'alert' }, errorWords(error)));
});

async function start(): Promise<void> {
  const me = new URLSearchParams(location.search).get('as');
  if (!isUserId(me)) {
    document.body.replaceChildren(signIn(me ?? ''));
    return;
  }
  const home = document.querySelector<HTMLMetaElement>('meta[name="parley-home"]')?.content ?? '';
  const device = await claimDevice(me, home);
  const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/connect`;
  const { store, texts } = remembering(
    typeof indexedDB === 'undefined' ? memoryStore() : idbStore(`parley ${home} ${me} ${device}`),
  );
  const client = connect(url, {
    device,
    store,
    agent: 'parley-web',
    // What this device never had is history, and read when it is looked at.
    gaps: 'skip',
    getToken: ({ signal }) => demoToken(me, device, signal),
  });
  const app = new App(document.body, me);
  const session = new Session(client, me, texts, app);
  app.start(session);
  // The client's own wake listens for being back; asking at the loss as well finds out sooner that a socket is dead.
  window.addEventListener('offline', () => client.wake());
}

async function demoToken(user: string, device: string, signal: AbortSignal): Promise<string> {
  const query = new URLSearchParams({ user, device });
  const response = await fetch(`/v1/dev/token?${query}`, { signal });
  if (!response.ok) throw new Error(`the server gives no demo token: ${response.status}`);
  const answer: unknown = await response.json();
  if (typeof answer === 'object' && answer !== null && 'token' in answer && typeof answer.token === 'string')
    return answer.token;
  throw new Error('the server gives no demo token');
}

/** A store that remembers the texts of what it holds: the client gives handles of those messages, which know no text. */
function remembering(store: OutboxStore): { readonly store: OutboxStore; readonly texts: ReadonlyMap<string, string> } {
  const texts = new Map<string, string>();
  const decoder = new TextDecoder();
  const load = async (): Promise<Stored> => {
    const stored = await store.load();
    for (const { id, body } of stored.messages.values()) texts.set(id, decoder.decode(body));
    return stored;
  };
  return {
    texts,
    store: { load, save: (changes) => store.save(changes), flush: () => store.flush(), close: () => store.close() },
  };
}
