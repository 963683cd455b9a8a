import { AppError } from '../../src/domain/errors.ts'
import type { Happening } from '../../src/domain/happening.ts'
import { newCharacterId, type CharacterId } from '../../src/domain/identifier.ts'

type OfOneCharacter = Extract<Happening, { readonly id: CharacterId }>

/** What can happen to one character that needs no more facts, in the order it does. */
export function characterStory(id: CharacterId = newCharacterId(), account = 'local') {
  const of = { account, id }
  return {
    id,
    queued: { ...of, type: 'character.queued' },
    progress: (progress: number): OfOneCharacter => ({ ...of, type: 'character.progress', step: 'see', progress, elapsedMs: progress * 10 }),
    failed: { ...of, type: 'character.failed', error: new AppError('media_no_video') },
    deleted: { ...of, type: 'character.deleted' },
  } as const satisfies Readonly<Record<string, OfOneCharacter | CharacterId | ((progress: number) => OfOneCharacter)>>
}
