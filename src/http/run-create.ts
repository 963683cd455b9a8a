import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CharacterState, CreateRequest } from '../characters/requests.ts'
import type { Character } from '../domain/character.ts'
import type { CharacterId } from '../domain/identifier.ts'
import type { ServerDeps } from './deps.ts'
import { takeUpload } from './uploads.ts'
import { prefersAsync, withinBudget } from './wait.ts'

/** What a create came to: a character, or one under way for a caller who would not wait. */
export type Outcome =
  | { readonly at: 'made'; readonly character: Character; readonly isEarlier: boolean }
  | { readonly at: 'accepted'; readonly state: CharacterState }

const POLL_AFTER_MS = 1000
export const pollHeaders = { 'openai-poll-after-ms': String(POLL_AFTER_MS) } as const

/**
 * Creates and waits for it within the budget, with the headers every door shares.
 * Rejects with what the source turned out to be, or `character_processing_timeout` while the job goes on.
 */
export async function runCreate(input: CreateRequest, request: FastifyRequest, reply: FastifyReply, { characters, settings }: Pick<ServerDeps, 'characters' | 'settings'>): Promise<Outcome> {
  const discardUpload = takeUpload(request)
  const { id, isReplay, done } = await characters.create(input).catch(async (error: unknown) => {
    await discardUpload()
    throw error
  })
  reply.header('location', locationOf(id))
  if (prefersAsync(request)) {
    done.catch(() => {}) // its state tells, to whoever asks
    const state = await characters.find(input.account, id)
    if (state.at !== 'completed') {
      reply.code(202).headers({ 'preference-applied': 'respond-async', 'retry-after': '1', ...pollHeaders })
      return { at: 'accepted', state }
    }
  }
  const character = await withinBudget(done, settings.syncBudgetMs)
  // A video that proves unchanged since an earlier create gives that create's character.
  const isEarlier = isReplay || character.id !== id
  reply.header('location', locationOf(character.id))
  if (isEarlier) reply.header('idempotent-replayed', 'true')
  return { at: 'made', character, isEarlier }
}

const locationOf = (id: CharacterId): string => `/v1/characters/${id}`
