/** Rows as they lie in the database, the same on every one: ids and JSON as text, times in whole milliseconds, booleans as 0 and 1. */
export interface Tables {
  characters: CharactersTable
  evidence: EvidenceTable
  usernames: UsernamesTable
  vectors: VectorsTable
  api_keys: KeysTable
}

export interface CharactersTable {
  id: string
  account: string
  status: 'queued' | 'in_progress' | 'completed' | 'failed'
  step: string | null
  progress: number
  attempts: number
  fingerprint: string
  is_forced: 0 | 1
  /** The request, with the source's whole URL in it: only until the character is completed or failed. */
  request: string | null
  error: string | null
  /** The same window of the same video was made before: that character stands for this one. */
  same_as: string | null
  clip_sha256: string | null
  media_token: string | null
  /** JSON list of the stored files. */
  media: string | null
  kind: string | null
  /** JSON of what the columns do not hold of the character. */
  facts: string | null
  /** Folded words to search in. */
  search: string | null
  created_at: number
  updated_at: number
  completed_at: number | null
  deleted_at: number | null
}

/** JSON, beside the characters because it is larger than all the rest of a row and read seldom. */
export interface EvidenceTable { character_id: string; json: string }

/** One namespace for everything that is called by `@`. */
export interface UsernamesTable { skeleton: string; name: string; character_id: string }

export interface VectorsTable { character_id: string; model: string; of: string; bytes: Uint8Array }

export interface KeysTable { id: string; account: string; name: string; sha256: string; last4: string; scopes: string; created_at: number; revoked_at: number | null }
