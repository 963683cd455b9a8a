import type { VideoId } from '../domain/identifier.ts'
import { readStoredFiles, type StoredFile } from '../domain/stored-file.ts'
import type { Verification } from '../domain/verification.ts'
import type { Video, VideoState, VideoStep } from '../domain/video.ts'
import { readError, writeError } from './stored-error.ts'
import type { VideoRow, VideoValues } from './video-rows.ts'
import type { AppError } from '../domain/errors.ts'

// The one place that knows how a video lies in its row. What is read here was written here.

/** What the columns do not hold. */
export interface VideoFacts extends Pick<Video, 'prompt' | 'compiledPrompt' | 'size' | 'seconds' | 'characters' | 'warnings' | 'remixedFrom'> {
  /** null until the video is completed. */
  readonly output: { readonly width: number; readonly height: number; readonly durationMs: number } | null
  /** The step that it was last seen to enter, by a process that has not said goodbye since. */
  readonly step: VideoStep | null
  /** How often the process ended within each step. */
  readonly deaths: Partial<Readonly<Record<VideoStep, number>>>
}

export const readFacts = ({ facts }: Pick<VideoRow, 'facts'>): VideoFacts => JSON.parse(facts) as VideoFacts
export const writeFacts = (facts: VideoFacts): string => JSON.stringify(facts)

export function videoOf(row: VideoRow): Video {
  const { prompt, compiledPrompt, size, seconds, characters, warnings, remixedFrom } = readFacts(row)
  return {
    id: row.id as VideoId, account: row.account, backend: row.backend, model: row.model,
    prompt, compiledPrompt, size, seconds, characters, warnings, remixedFrom,
    state: stateOf(row), verification: row.verification === null ? null : JSON.parse(row.verification) as Verification, createdAtMs: row.created_at,
  }
}

function stateOf(row: VideoRow): VideoState {
  switch (row.status) {
    case 'queued': return { at: 'queued' }
    case 'in_progress': return { at: 'in_progress', progress: row.progress }
    case 'failed': return { at: 'failed', progress: row.progress, completedAtMs: row.completed_at ?? row.updated_at, error: readError(row.error) }
    case 'completed': return { at: 'completed', completedAtMs: row.completed_at ?? row.updated_at, files: filesOf(row), ...outputOf(row) }
  }
}

const filesOf = ({ id, files }: VideoRow): readonly StoredFile[] => readStoredFiles(id, files)

function outputOf(row: VideoRow): NonNullable<VideoFacts['output']> {
  const { output } = readFacts(row)
  if (output === null) throw new Error(`the row of ${row.id} is not that of a completed video`)
  return output
}

/** The request holds addresses of the caller's pictures, which may be secrets: it goes with the end, whatever the end is. */
const ENDED = { request: '{}', operation: null } as const

export const completedValues = (files: readonly StoredFile[], facts: VideoFacts, nowMs: number): VideoValues =>
  ({ ...ENDED, status: 'completed', progress: 100, files: JSON.stringify(files), facts: writeFacts(facts), updated_at: nowMs, completed_at: nowMs })

export const failedValues = (error: AppError, nowMs: number): VideoValues =>
  ({ ...ENDED, status: 'failed', error: writeError(error), updated_at: nowMs, completed_at: nowMs })
