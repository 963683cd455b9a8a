import { pageRefusals, refusals } from './error.ts'

/** What any route with a key can answer besides its own. */
const KEYED = ['missing_api_key', 'insufficient_scope', 'invalid_parameter', 'internal_error', 'shutting_down', 'storage_unavailable'] as const

export const READ_REFUSALS = refusals(...KEYED, 'character_not_found')
export const FILE_REFUSALS = refusals(...KEYED, 'character_not_found', 'character_not_ready', 'range_not_satisfiable')
export const CHANGE_REFUSALS = refusals(...KEYED, 'character_not_found', 'character_not_ready')
export const EDIT_REFUSALS = refusals(...KEYED, 'character_not_found', 'username_taken', 'precondition_failed', 'unsupported_media_type', 'request_too_large')
export const CREATE_REFUSALS = refusals(...KEYED, 'username_taken', 'request_too_large', 'unsupported_media_type', 'media_unsupported', 'queue_full', 'character_processing_timeout')
/** Of routes without a key. */
export const PUBLIC_REFUSALS = refusals('invalid_parameter', 'not_found', 'internal_error')
/** Of pages. */
export const PAGE_REFUSALS = pageRefusals('invalid_parameter', 'not_found', 'internal_error', 'storage_unavailable')
export const CHARACTER_PAGE_REFUSALS = pageRefusals(...KEYED, 'character_not_found')
