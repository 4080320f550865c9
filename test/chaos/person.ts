// A user's device as the checker sees it: the real client, and every entry that it showed, in the order it showed them. Test code.
import { join } from 'node:path';
import {
  type ChatEntry,
  connect,
  type OutboxStore,
  type ParleyClient,
  ParleyError,
  type Sent,
} from '../../client/index.ts';

/** Where people connect to, and where their devices keep their outboxes. */
export interface Home {
  readonly url: string;
  readonly directory: string;
  token(user: string): Promise<string>;
  /** Where to connect when the last place did not answer; without it always `url`. */
  readonly elsewhere?: () => string;
}
export interface Shown {
  readonly seq: number;
  readonly sender: string;
  readonly id: string;
  readonly type: number;
  readonly body: string;
}
export interface Acked {
  readonly chat: string;
  readonly user: string;
  readonly id: string;
  readonly body: string;
  readonly seq: number;
}

export class Person {
  readonly user: string;
  readonly device: string;
  readonly shown = new Map<string, Shown[]>();
  readonly acked: Acked[] = [];
  failed: string[] = [];
  sends = 0;
  reconnects = 0;
  client: ParleyClient;
  private readonly server: Home;
  private readonly store: OutboxStore | { readonly file: string };

  constructor(server: Home, user: string, device: string, store?: OutboxStore) {
    this.server = server;
    this.user = user;
    this.device = device;
    this.store = store ?? { file: join(server.directory, `client-${user}-${device}`) };
    this.client = this.open();
  }

  private open(): ParleyClient {
    const client = connect(this.server.url, {
      device: this.device,
      store: this.store,
      getToken: () => this.server.token(this.user),
      getUrl: () => this.server.elsewhere?.() ?? this.server.url,
    });
    client.on('message', (entry) => this.show(entry));
    client.on('state', (state) => {
      if (state.is === 'reconnecting') this.reconnects++;
    });
    return client;
  }

  private show(entry: ChatEntry): void {
    const list = this.shown.get(entry.chat) ?? [];
    this.shown.set(entry.chat, list);
    const body = Buffer.from(entry.body).toString('base64');
    list.push({ seq: entry.seq, sender: entry.sender, id: entry.id, type: entry.type, body });
  }

  /** Sends; remembers it once it is told `sent`. Resolves then, to true; to false when that client will not hear it any more. */
  send(chat: string, body: string | Uint8Array): Promise<boolean> {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    const message = this.client.chat(chat).send({ body: bytes });
    this.sends++;
    return message.sent().then(
      ({ seq }: Sent) => {
        this.acked.push({ chat, user: this.user, id: message.id, body: Buffer.from(bytes).toString('base64'), seq });
        return true;
      },
      (error: unknown) => {
        // At close() the promise ends, but the message is in the outbox still.
        if (!(error instanceof ParleyError && error.code === 'closed')) this.failed.push(String(error));
        return false;
      },
    );
  }

  async online(limitMs = 30_000): Promise<void> {
    await until(`${this.user}/${this.device} online`, () => this.client.state.is === 'online', limitMs);
  }

  /** Goes offline as an app does that is closed; the outbox stays. */
  async goOffline(): Promise<void> {
    await this.client.close();
  }

  comeBack(): void {
    this.client = this.open();
  }
}

export async function until(what: string, holds: () => boolean, limitMs: number, pollMs = 20): Promise<void> {
  const end = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
