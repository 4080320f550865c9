// Which device of its user this tab is. Each tab is one of its own, for a device has one socket and one outbox; a tab that is closed
// leaves its device, with what waits in the outbox, to the next tab of that user, so that devices do not pile up.

/** Of the ten that a user may have, some are left for other browsers. */
const TABS_MAX = 6;
const OWN_WAIT_MS = 2_000;

/** The device's id, held by this tab for as long as it lives. */
export async function claimDevice(user: string, home: string): Promise<string> {
  const browser = remembered(localStorage, 'parley.browser', () => randomName(6));
  const key = `parley.device ${home} ${user}`;
  // Locks are for secure pages only, such as those of this machine. Elsewhere a tab keeps a device of its own.
  if (navigator.locks === undefined) return remembered(sessionStorage, key, () => `web-${browser}-${randomName(4)}`);
  const own = sessionStorage.getItem(key);
  const name = (device: string): string => `parley ${home} ${user} ${device}`;
  // A reload meets the lock of the page before it, about to be released.
  if (own !== null && (await hold(name(own), { signal: AbortSignal.timeout(OWN_WAIT_MS) }))) return own;
  for (let n = 1; n <= TABS_MAX; n++) {
    const device = `web-${browser}-${n}`;
    if (!(await hold(name(device), { ifAvailable: true }))) continue;
    sessionStorage.setItem(key, device);
    return device;
  }
  throw new Error(`${user} is open in ${TABS_MAX} tabs of this browser already: close one of them.`);
}

/** True once the lock is ours, until the page goes. */
function hold(name: string, options: LockOptions): Promise<boolean> {
  return new Promise((answer) => {
    const taken = (lock: Lock | null): Promise<never> | undefined => {
      answer(lock !== null);
      return lock === null ? undefined : new Promise<never>(() => undefined);
    };
    navigator.locks.request(name, options, taken).catch(() => answer(false));
  });
}

function remembered(storage: Storage, key: string, make: () => string): string {
  const there = storage.getItem(key);
  if (there !== null) return there;
  const made = make();
  storage.setItem(key, made);
  return made;
}

function randomName(chars: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz012345';
  return Array.from(crypto.getRandomValues(new Uint8Array(chars)), (byte) => letters[byte & 31]).join('');
}
