import type { VideoWarning } from '../domain/shot.ts'

export const notMentioned = (username: string): VideoWarning =>
  ({ code: 'character_not_mentioned', message: `@${username} goes along, but the prompt says nothing of it by name.` })
