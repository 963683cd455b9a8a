import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPgBoss } from '../../src/jobs/pgboss-queue.ts'
import { createLog } from '../../src/runtime/log.ts'
import { openRig, type Rig, type RigOptions } from './character-rig.ts'
import { openTestDatabase, type DatabaseKind } from './databases.ts'

/** Several processes on one PostgreSQL, with one folder of objects. */
export interface SharedRigs extends AsyncDisposable {
  /** One more of them, with connections and a queue of its own. It ends with the others, if not before. */
  open(options?: Omit<RigOptions, 'shared' | 'folder'>): Promise<Rig>
}

const log = createLog({ level: 'silent' })

export async function openSharedRigs(): Promise<SharedRigs> {
  const stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-shared-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const database = stack.use(await openTestDatabase('postgres'))
  if ('file' in database.place) throw new Error('it is no PostgreSQL')
  const { url } = database.place
  return {
    open: async (options = {}) => {
      const { db, notices } = await database.another()
      const boss = stack.use(await openPgBoss({ url, db, log }))
      return stack.use(await openRig({ ...options, folder, shared: { db, notices, queue: (queueOptions) => boss.queue('lenses', queueOptions) } }))
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** One process on a database of this kind. */
export async function openRigOn(kind: DatabaseKind, options: Omit<RigOptions, 'shared' | 'folder'> = {}): Promise<Rig> {
  if (kind === 'sqlite') return openRig(options)
  const rigs = await openSharedRigs()
  return { ...await rigs.open(options), [Symbol.asyncDispose]: () => rigs[Symbol.asyncDispose]() }
}
