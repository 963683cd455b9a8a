import type { CharacterState } from '../characters/requests.ts'
import type { Language } from '../domain/errors.ts'
import type { VideoId } from '../domain/identifier.ts'
import type { Verification } from '../domain/verification.ts'
import type { Video, VideoState } from '../domain/video.ts'
import { boxOf, failureOf, mediaUrl, permalinkOf, rounded, unix } from './character-resource.ts'
import type { VerificationResource, VideoCharacterResource, VideoResource } from './schemas/video.ts'

/** The official keys first and in their order; what a list does not show comes last. */
export function videoResourceOf(video: Video, language: Language): VideoResource {
  const { id, model, state, createdAtMs, prompt, size, seconds, remixedFrom, characters, warnings, backend } = video
  return {
    id, object: 'video', model, status: state.at, progress: progressOf(state),
    created_at: unix(createdAtMs), completed_at: 'completedAtMs' in state ? unix(state.completedAtMs) : null, expires_at: null,
    prompt, size, seconds: String(seconds), remixed_from_video_id: remixedFrom,
    error: state.at === 'failed' ? failureOf(state.error, language) : null,
    characters: characters.map(({ id, username, revision, mentions }) => ({ id, username, revision, mentions: mentions.map(([start, end]) => [start, end]) })),
    warnings: warnings.map(({ code, message }) => ({ code, message })),
    backend,
  }
}

function progressOf(state: VideoState): number {
  switch (state.at) {
    case 'queued': return 0
    case 'in_progress': case 'failed': return state.progress
    case 'completed': return 100
  }
}

export const verificationOf = (videoId: VideoId, { characters, models }: Verification): VerificationResource => ({
  object: 'video.verification', video_id: videoId,
  characters: characters.map(({ id, username, score, verdict, frames }) => ({
    id, username, score: rounded(score), verdict,
    frames: frames.map(({ seconds, score, box }) => ({ t: rounded(seconds), score: score === null ? null : rounded(score), box: box === null ? null : boxOf(box) })),
  })),
  models: [...models],
})

/** A character as the Videos API shows it. */
export function videoCharacterOf(state: CharacterState, publicUrl: string): VideoCharacterResource {
  const known = state.at === 'completed'
    ? { name: state.character.displayName, username: state.character.username, permalink: permalinkOf(state.character.username, publicUrl), picture: mediaUrl(state.character.mediaToken, 'portrait.webp', publicUrl) }
    : { name: null, username: null, permalink: null, picture: null }
  return {
    id: state.at === 'completed' ? state.character.id : state.id, name: known.name, created_at: unix(state.createdAtMs), object: 'character',
    username: known.username, permalink: known.permalink, profile_picture_url: known.picture, status: state.at,
  }
}
