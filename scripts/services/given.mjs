// Servers that somebody else runs, by their addresses: to be used, not to be stopped.
const SCHEMES = { nats: 'nats://', redis: 'redis://', cassandra: '' };

export class Given {
  skip = null;
  given = true;
  nodes = [];
  version = 'given';

  constructor(kind, addresses, variable, facts) {
    this.kind = kind;
    this.variable = variable;
    this.facts = facts;
    this.addresses = addresses.split(',').map((address) => address.trim().replace(/^\w+:\/\//, ''));
    // Credentials stay in what is given as a URL.
    this.urls = addresses.split(',').map((url) => (url.includes('://') ? url.trim() : SCHEMES[kind] + url.trim()));
    this.url = this.urls.join(',');
  }

  async start() {}
  async stop() {
    this.#refuse();
  }
  async kill() {
    this.#refuse();
  }
  pause() {
    this.#refuse();
  }
  resume() {
    this.#refuse();
  }
  async restart() {
    this.#refuse();
  }
  async dispose() {}

  #refuse() {
    throw new Error(`${this.kind} was given by ${this.variable}: it is not ours to stop`);
  }
}
