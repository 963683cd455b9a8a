import type { Step } from '../domain/character.ts'
import type { CharacterId } from '../domain/identifier.ts'
import type { CharacterRow } from '../db/character-rows.ts'
import { characterOf } from '../db/stored-character.ts'
import { readError } from '../db/stored-error.ts'
import type { CharacterState, Evidence, StoredRequest } from './requests.ts'

// How the states and requests of characters lie in their rows. What is read here was written here.

export function stateOf(row: CharacterRow): CharacterState {
  const id = row.id as CharacterId
  const createdAtMs = row.created_at
  switch (row.status) {
    case 'queued':
    case 'in_progress': return { at: row.status, id, createdAtMs, step: row.step as Step | null, progress: row.progress }
    case 'failed': return { at: 'failed', id, createdAtMs, error: readError(row.error) }
    case 'completed': return { at: 'completed', id, createdAtMs, character: characterOf(row), deletedAtMs: row.deleted_at }
  }
}

type RequestColumn = Omit<StoredRequest, 'account' | 'traceId'>
export const writeRequest = ({ source, window, options, isForced }: StoredRequest): string => JSON.stringify({ source, window, options, isForced } satisfies RequestColumn)

export function requestOf({ id, account, request, trace_id }: CharacterRow): StoredRequest {
  if (request === null) throw new Error(`the row of ${id} holds no request`)
  return { account, traceId: trace_id, ...JSON.parse(request) as RequestColumn }
}

export const writeEvidence = (evidence: Evidence): string => JSON.stringify(evidence)
export const readEvidence = (json: string): Evidence => JSON.parse(json) as Evidence
