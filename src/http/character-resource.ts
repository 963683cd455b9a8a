import type { CharacterState, Evidence } from '../characters/requests.ts'
import type { Detection } from '../characters/characters.ts'
import type { Character, Consent, SourceFacts, Subject } from '../domain/character.ts'
import { describeError, type Language } from '../domain/errors.ts'
import type { CharacterResource, DetectionResource, EvidenceResource, SeedCharacter } from './schemas/character.ts'

export const permalinkOf = (username: string, publicUrl: string): string => `${publicUrl}/@${encodeURIComponent(username)}`
export const mediaUrl = (token: string, name: string, publicUrl: string): string => `${publicUrl}/media/${token}/${name}`

/** Door A's answer: exactly these keys, in this order. */
export const seedOf = ({ id, username, mediaToken }: Character, publicUrl: string): SeedCharacter =>
  ({ id, username, permalink: permalinkOf(username, publicUrl), profile_picture_url: mediaUrl(mediaToken, 'portrait.webp', publicUrl) })

export interface ResourceFacts { readonly publicUrl: string; readonly language: Language }

/** Of one that is there, just made or changed. */
export const completedState = (character: Character): CharacterState => ({ at: 'completed', id: character.id, createdAtMs: character.createdAtMs, character, deletedAtMs: null })

export function resourceOf(state: CharacterState, { publicUrl, language }: ResourceFacts): CharacterResource {
  if (state.at === 'completed') return { ...completedResource(state.character, publicUrl), deleted_at: state.deletedAtMs === null ? null : unix(state.deletedAtMs) }
  const { id, at, createdAtMs } = state
  return {
    ...unfinished, id, status: at,
    progress: state.at === 'failed' ? 0 : state.progress,
    error: state.at === 'failed' ? failureOf(state.error, language) : null,
    created_at: unix(createdAtMs),
  }
}

export const failureOf = (error: Parameters<typeof describeError>[0], language: Language) => ({ code: error.code, message: describeError(error, language).message })

const unfinished: CharacterResource = {
  id: '', object: 'character', status: 'queued', progress: 0, username: null, aliases: [], display_name: null, description: null, kind: null, visibility: 'owner',
  permalink: null, profile_picture_url: null, cutout_url: null, window: null, source: null, references: 0, has_voice: false, quality: null, consent: null,
  revision: 1, tags: [], metadata: {}, warnings: [], error: null, created_at: 0, updated_at: null, completed_at: null, deleted_at: null,
}

function completedResource(character: Character, publicUrl: string): CharacterResource {
  const { id, username, displayName, description, kind, mediaToken, quality, tags, metadata, warnings } = character
  return {
    id, object: 'character', status: 'completed', progress: 100, username, aliases: [...character.aliases], display_name: displayName, description, kind, visibility: 'owner',
    permalink: permalinkOf(username, publicUrl),
    profile_picture_url: mediaUrl(mediaToken, 'portrait.webp', publicUrl),
    cutout_url: character.hasCutout ? mediaUrl(mediaToken, 'cutout.webp', publicUrl) : null,
    window: windowOf(character.window),
    source: { ...sourceOf(character.source), clip_sha256: character.clipSha256 },
    references: character.references, has_voice: character.hasVoice,
    quality: { score: quality.score, reasons: [...quality.reasons] },
    consent: character.consent === null ? null : consentOf(character.consent),
    revision: character.revision, tags: [...tags], metadata: { ...metadata }, warnings: warnings.map(({ code, message }) => ({ code, message })),
    error: null, created_at: unix(character.createdAtMs), updated_at: unix(character.updatedAtMs), completed_at: unix(character.completedAtMs), deleted_at: null,
  }
}

export const unix = (ms: number): number => Math.floor(ms / 1000)
const windowOf = ({ startMs, endMs, chosenBy, isClamped }: Character['window']) => ({ start: startMs / 1000, end: endMs / 1000, chosen_by: chosenBy, clamped: isClamped })
const sourceOf = ({ type, host, container, codec, width, height, durationMs }: SourceFacts) => ({ type, host, container, codec, width, height, duration: durationMs / 1000 })
const consentOf = ({ basis, by, atMs, note }: Consent) => ({ basis, by, at: unix(atMs), note })

export const rounded = (value: number): number => Math.round(value * 10_000) / 10_000
export const boxOf = ([left, top, right, bottom]: readonly number[]): [number, number, number, number] => [left, top, right - left, bottom - top].map(rounded) as [number, number, number, number] // four in, four out

const candidateOf = ({ id, kind, best, sightings }: Subject) =>
  ({ subject: id, kind, box: boxOf(best.box), t: best.seconds, frames: sightings.length, score: best.score, quality: best.quality })

export const detectionOf = ({ window, source, subjects, reasons }: Detection): DetectionResource => ({
  object: 'detection', window: windowOf(window), source: sourceOf(source),
  subjects: subjects.map(({ subject, thumbnail }) => ({ ...candidateOf(subject), thumbnail: `data:image/webp;base64,${Buffer.from(thumbnail).toString('base64')}` })),
  reasons: [...reasons],
})

export function evidenceOf(id: string, found: Evidence): EvidenceResource {
  const { bytesRead, requests, floorBytes, packets } = found.source
  return {
    object: 'character.evidence', id,
    steps: found.steps.map(({ step, ms }) => ({ step, ms })),
    source: { bytes_read: bytesRead, requests, floor_bytes: floorBytes, packets },
    frames: found.frames,
    subjects: found.subjects.map((subject) => ({
      ...candidateOf(subject), found_by: subject.rung, hint: subject.hint, rank: subject.rank, presence: subject.presence,
      sightings: subject.sightings.map(({ seconds, box, score, quality }) => ({ t: seconds, box: boxOf(box), score, quality })),
    })),
    chosen: found.chosen,
    portrait: { t: found.portrait.seconds, box: boxOf(found.portrait.box), crop: boxOf(found.portrait.crop) },
    cutout_gate: { ...found.cutoutGate },
    references: found.references.map(({ seconds, box }) => ({ t: seconds, box: boxOf(box) })),
    identity: found.identity.map(({ model, of, length }) => ({ model, of, length })),
    speech_seconds: found.speechSeconds, models: { ...found.models }, jail: found.jail,
  }
}
