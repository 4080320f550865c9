// Bearer tokens of the simulation: `user|expires|id`, taken as they are. Signatures are gateway/'s business and tested there.
import type { TokenVerifier } from '../../actors/index.ts';
import type { Env } from '../../runtime/index.ts';

export const makeToken = (user: string, expires: number | null, id: string): string => `${user}|${expires ?? ''}|${id}`;

export function tokenVerifier(env: Env, verifyMs: number, fails: () => boolean): TokenVerifier {
  return {
    async verify(token) {
      if (verifyMs > 0) await new Promise<void>((resolve) => env.setTimer(resolve, env.random() * verifyMs));
      if (fails()) throw new Error('no keys');
      const [user = '', text = ''] = token.split('|');
      const expires = text === '' ? null : Number(text);
      if (expires !== null && expires <= env.wallNow()) return { refused: 'token_expired', about: 'it has expired' };
      return { user, expires, device: null };
    },
  };
}
