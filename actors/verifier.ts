// The service that checks tokens for connection cells, which never await. Many at once; answers in whatever order they come.

import { LIMITS } from '../protocol/index.ts';
import type { Letter, Ref, ServiceCtx, ServiceKind } from '../runtime/index.ts';
import type { Identity, TokenVerifier } from './ports.ts';

export interface VerifyMail {
  readonly t: 'verify';
  readonly token: string;
  /** Set for a token that replaces another on a live connection. */
  readonly ref?: number;
  readonly fresh: boolean;
}
export interface VerifiedMail {
  readonly t: 'verified';
  readonly ref: number | null;
  readonly result: Awaited<ReturnType<TokenVerifier['verify']>>;
}

export function verifierService(verifier: TokenVerifier): ServiceKind<null, VerifyMail> {
  return {
    name: 'verifier',
    inboxMailsMax: LIMITS.signInsAtOnceMax,
    batchMailsMax: 64,
    init: () => null,
    async receive(ctx, _state, batch) {
      await Promise.all(batch.map((letter) => verifyOne(ctx, verifier, letter)));
    },
  };
}

async function verifyOne(ctx: ServiceCtx, verifier: TokenVerifier, letter: Letter<VerifyMail>): Promise<void> {
  const to: Ref | null = letter.from;
  if (to === null) return;
  let result: Identity | { readonly refused: 'unauthenticated' | 'token_expired' | 'revoked'; readonly about: string };
  try {
    result = await verifier.verify(letter.mail.token);
  } catch (error) {
    // The key source failed, not the token; the client may try again with the same one.
    ctx.env.log.error({ error: String(error) }, 'token verification failed');
    result = { refused: 'token_expired', about: 'the token could not be checked now' };
  }
  ctx.reply(to, { t: 'verified', ref: letter.mail.ref ?? null, result } satisfies VerifiedMail);
}
