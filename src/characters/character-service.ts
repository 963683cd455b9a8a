import { AppError } from '../domain/errors.ts'
import { newCharacterId, type CharacterId } from '../domain/identifier.ts'
import type { Database } from '../db/database.ts'
import type { Notices } from '../db/notices.ts'
import { characterOf } from '../db/stored-character.ts'
import type { Events } from '../events/events.ts'
import type { DoErrand, Errands } from '../jobs/errands.ts'
import type { Handler, JobQueue } from '../jobs/job-queue.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import { acceptRequest } from './accept.ts'
import { CharacterEnds } from './character-ends.ts'
import { CharacterJobs, type JobsDeps } from './character-jobs.ts'
import type { Characters } from './characters.ts'
import { askToDetect, DETECT, detectErrand } from './detect-errand.ts'
import { editCharacter } from './edit-character.ts'
import { dropGiven, keepGiven } from './given-source.ts'
import { InTurn } from './in-turn.ts'
import { Housekeeping } from './keep-house.ts'
import { portableCharacters, portableErrands } from './portable/portable-characters.ts'
import { findMedia, findState, listStates, readEvidenceOf } from './read-characters.ts'
import { removeCharacter, restoreCharacter } from './remove-characters.ts'
import type { CreateRequest, CreateTicket } from './requests.ts'

export interface CharactersDeps {
  readonly db: Database
  readonly objects: ObjectStore
  readonly queue: JobQueue
  readonly errands: Pick<Errands, 'ask'>
  readonly notices: Pick<Notices, 'hear'>
  readonly events: Pick<Events, 'record'>
  readonly log: Log
  readonly clock: () => number
  readonly settings: {
    /** No other process works on this database: nobody else takes up what this one leaves. */
    readonly isAlone: boolean
    /** How long what runs may go on when the service ends. */
    readonly drainMs: number
  }
}

/** What a process with lenses does for characters. */
export interface CharacterWork {
  /** For the ids of characters. */
  readonly handler: Handler
  /** Errands by kind. */
  readonly errands: Readonly<Record<string, DoErrand>>
}

export interface CharacterService extends Characters {
  work(deps: Omit<JobsDeps, keyof CharactersDeps> & Pick<JobsDeps, 'settings'>): CharacterWork
}

/** The deadline of the queue that the characters wait in. */
export const lensTimeout = (seconds: number): AppError => new AppError('lens_failed', { details: { reason: 'deadline', seconds } })

/** The character service over its database, objects and queue. Call `resume` before the first request, and behind `queue.work` where this process has lenses. */
export function createCharacters(deps: CharactersDeps): CharacterService {
  const { db, objects, queue, clock, settings, events } = deps
  const ends = new CharacterEnds(deps)
  const equalRequests = new InTurn()
  const house = new Housekeeping({ ...deps, isAlone: settings.isAlone })
  return {
    create: (request) => create(request, { ...deps, ends, equalRequests }),
    detect: (request, { signal }) => askToDetect(request, { ...deps, signal }),
    find: (account, ref) => findState(db, account, ref),
    list: (account, request) => listStates(db, account, request),
    edit: (account, ref, changes, { ifRevisions }) => editCharacter({ db, events }, { account, ref, changes, ifRevisions, nowMs: clock() }),
    remove: (account, ref, { isPurge }) => removeCharacter({ db, objects, events }, { account, ref, isPurge, nowMs: clock() }),
    restore: (account, ref) => restoreCharacter({ db, events }, account, ref),
    evidence: (account, ref) => readEvidenceOf(db, account, ref),
    openMedia: (token, name) => findMedia({ db, objects }, token, name),
    ...portableCharacters(deps),
    work: (given) => {
      const jobDeps = { ...deps, ...given }
      return { handler: new CharacterJobs(jobDeps, ends), errands: { [DETECT]: detectErrand(jobDeps), ...portableErrands(jobDeps) } }
    },
    resume: () => house.start(),
    drain: async () => {
      if (settings.isAlone) ends.refuseWaiting()
      await Promise.all([house.stop(), queue.drain({ graceMs: settings.drainMs }), ends.drain({ graceMs: settings.drainMs })])
    },
  }
}

type CreateDeps = CharactersDeps & { readonly ends: CharacterEnds; readonly equalRequests: InTurn }

async function create({ source, idempotencyKey, ...rest }: CreateRequest, deps: CreateDeps): Promise<CreateTicket> {
  const { objects, log, clock, ends } = deps
  const nowMs = clock()
  const id = newCharacterId(nowMs)
  try {
    const request = { ...rest, source: await keepGiven(objects, id, source) }
    const accepted = await acceptRequest({ id, request, idempotencyKey }, { ...deps, nowMs })
    if (accepted.as === 'new') {
      const done = ends.of(id)
      accepted.claim.start()
      return { id, isReplay: false, done }
    }
    await dropGiven(objects, id, source, log)
    if (accepted.as === 'completed') {
      const character = characterOf(accepted.row)
      return { id: character.id, isReplay: true, done: Promise.resolve(character) }
    }
    const running = accepted.row.id as CharacterId
    const done = ends.of(running)
    ends.lookInBackground([running]) // it may have ended meanwhile
    return { id: running, isReplay: true, done }
  } catch (error) {
    // The row may be there for all that is known, and need it; if not it is an orphan.
    const isUnknown = error instanceof AppError && error.code === 'database_unavailable'
    if (!isUnknown) await dropGiven(objects, id, source, log)
    throw error
  }
}
