/** An answer as it was given, to give it again. */
export interface KeptAnswer { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }

/** A key that a request works under. One of the two ends it; neither rejects. */
export interface HeldKey {
  /** `objectId`: what the answer tells of; the answer is forgotten with it. */
  keep(answer: KeptAnswer, objectId: string | null): Promise<void>
  /** `isRefused`: nothing comes of it, the same request may try anew. Else what it has made so far is what the same request will find. */
  release(options: { readonly isRefused: boolean }): Promise<void>
}

/** Who works under a key, over all processes. */
export interface Idempotency {
  /** Waits while the same request is worked on elsewhere. Rejects with `idempotency_key_reused`, or the signal's reason. */
  claim(request: { readonly account: string; readonly key: string; readonly fields: string }, options: { readonly signal: AbortSignal }):
    Promise<{ readonly at: 'ours'; readonly held: HeldKey } | { readonly at: 'answered'; readonly answer: KeptAnswer }>
}
