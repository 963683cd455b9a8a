import type { Character } from '../domain/character.ts'
import { AppError } from '../domain/errors.ts'
import type { CharacterId } from '../domain/identifier.ts'
import type { Database } from '../db/database.ts'
import { characterOf } from '../db/stored-character.ts'
import { acceptRequest } from './accept.ts'
import { CharacterJobs, endUpload, type JobsDeps } from './character-jobs.ts'
import type { Characters } from './characters.ts'
import { detectSubjects } from './detect-subjects.ts'
import { editCharacter } from './edit-character.ts'
import { findMedia, findState, listStates, readEvidenceOf } from './read-characters.ts'
import { purgeExpired, removeCharacter, restoreCharacter } from './remove-characters.ts'
import type { CreateRequest, CreateTicket } from './requests.ts'
import { resumeCharacters } from './resume-characters.ts'

export interface CharactersDeps extends JobsDeps {
  readonly settings: JobsDeps['settings'] & {
    /** Where the uploads lie that requests hand over. */
    readonly uploadsFolder: string
    /** How long what runs may go on when the service ends. */
    readonly drainMs: number
  }
}

const PURGE_EVERY_MS = 3_600_000

/** The character service over its database, objects, queue and lenses. Call `resume` before the first request. */
export function createCharacters(deps: CharactersDeps): Characters {
  const { db, objects, queue, log, clock, settings, events } = deps
  const jobs = new CharacterJobs(deps)
  let purging: NodeJS.Timeout | undefined
  const purge = (): Promise<void> => purgeExpired({ db, objects }, clock()).catch((error) => log.error('characters.purge_failed', { error }))
  return {
    create: (request) => create(request, jobs, deps),
    detect: async (request, { signal }) => {
      try {
        return await queue.claim().run((signal) => detectSubjects(request, { ...deps, signal }), { signal })
      } finally {
        await endUpload(request.source, log)
      }
    },
    find: (account, ref) => findState(db, account, ref),
    list: (account, request) => listStates(db, account, request),
    edit: (account, ref, changes, { ifRevisions }) => editCharacter({ db, events }, { account, ref, changes, ifRevisions, nowMs: clock() }),
    remove: (account, ref, { isPurge }) => removeCharacter({ db, objects, events }, { account, ref, isPurge, nowMs: clock() }),
    restore: (account, ref) => restoreCharacter({ db, events }, account, ref),
    evidence: (account, ref) => readEvidenceOf(db, account, ref),
    openMedia: (token, name) => findMedia({ db, objects }, token, name),
    resume: async () => {
      await resumeCharacters(jobs, deps)
      await purge()
      purging = setInterval(purge, PURGE_EVERY_MS).unref()
    },
    drain: async () => {
      clearInterval(purging)
      await queue.drain({ graceMs: settings.drainMs })
    },
  }
}

async function create(request: CreateRequest, jobs: CharacterJobs, { db, clock, log, events }: CharactersDeps): Promise<CreateTicket> {
  try {
    const accepted = await acceptRequest(db, request, { claim: (id) => jobs.claim(id), events, nowMs: clock() })
    if (accepted.as === 'new') return { id: accepted.id, isReplay: false, done: accepted.job.start(request, accepted.createdAtMs) }
    await endUpload(request.source, log)
    if (accepted.as === 'running') return { id: accepted.id, isReplay: true, done: jobs.endOf(accepted.id) ?? readEnd(db, request.account, accepted.id) }
    const character = characterOf(accepted.row)
    return { id: character.id, isReplay: true, done: Promise.resolve(character) }
  } catch (error) {
    await endUpload(request.source, log)
    throw error
  }
}

/** Of a job that ended between the look at its row and the wait for it. */
async function readEnd(db: Database, account: string, id: CharacterId): Promise<Character> {
  const state = await findState(db, account, id)
  if (state.at === 'completed') return state.character
  throw state.at === 'failed' ? state.error : new AppError('shutting_down', { details: { retryAfterSeconds: 5 } })
}
