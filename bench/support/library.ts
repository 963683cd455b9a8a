import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { databaseFile } from '../../src/app/config.ts'
import { openDatabase, type Database } from '../../src/db/database.ts'

/** Where a service keeps its characters while it is measured. It goes with the bench, unless it is one that was named. */
export interface Library extends AsyncDisposable {
  readonly engine: 'SQLite' | 'PostgreSQL'
  readonly dataFolder: string
  /** For the service. */
  readonly environment: Readonly<Record<string, string>>
  /** Beside the service's own. */
  open(): Promise<Database>
  bytes(): Promise<number>
}

export interface LibraryOptions {
  /** Of a PostgreSQL server, whose user may make databases; empty for SQLite. */
  readonly database: string
  /** Empty: a temporary one. */
  readonly folder?: string
}

export async function openLibrary({ database, folder = '' }: LibraryOptions): Promise<Library> {
  const dataFolder = folder || await mkdtemp(join(tmpdir(), 'dramatis-bench-'))
  const removeFolder = async (): Promise<void> => { if (!folder) await rm(dataFolder, { recursive: true, force: true }) }
  return database === '' ? embeddedLibrary(dataFolder, removeFolder) : serverLibrary(database, dataFolder, removeFolder)
}

function embeddedLibrary(dataFolder: string, removeFolder: () => Promise<void>): Library {
  const file = databaseFile({ DATA_DIR: dataFolder })
  return {
    engine: 'SQLite', dataFolder, environment: {},
    open: () => openDatabase({ file }),
    bytes: async () => (await stat(file)).size,
    [Symbol.asyncDispose]: removeFolder,
  }
}

/** In a database of its own. */
async function serverLibrary(server: string, dataFolder: string, removeFolder: () => Promise<void>): Promise<Library> {
  const name = `dramatis_bench_${randomUUID().replaceAll('-', '')}`
  await onServer(server, (client) => client.query(`create database ${name}`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    engine: 'PostgreSQL', dataFolder, environment: { DATABASE_URL: url.href },
    open: () => openDatabase({ url: url.href }),
    bytes: async () => Number((await onServer(server, (client) => client.query<{ bytes: string }>('select pg_database_size($1) as bytes', [name]))).rows[0].bytes),
    [Symbol.asyncDispose]: async () => {
      await removeFolder()
      await onServer(server, (client) => client.query(`drop database ${name} with (force)`))
    },
  }
}

async function onServer<T>(server: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: server })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
