import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { chown, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'

/** The server of TEST_POSTGRES_URL, or one of its own; null where PostgreSQL is not installed. */
export async function startPostgres(): Promise<({ readonly url: string } & AsyncDisposable) | null> {
  const url = process.env.TEST_POSTGRES_URL
  if (url) return { url, [Symbol.asyncDispose]: async () => {} }
  return hasPostgres() ? startOwnPostgres() : null
}

/** Debian keeps its programs out of the PATH. The newest comes last. */
const foldersOfPrograms = (): readonly string[] =>
  [...(process.env.PATH ?? '').split(delimiter), ...globSync('/usr/lib/postgresql/*/bin').toSorted()].filter((folder) => existsSync(join(folder, 'initdb')))

/** Whether {@link startOwnPostgres} can. */
export const hasPostgres = (): boolean => foldersOfPrograms().length > 0

export interface OwnPostgres extends AsyncDisposable {
  /** Of a user who may do everything. The same through all starts. */
  readonly url: string
  /** As an operator does it: connections are ended, what is not committed is rolled back. */
  stop(): Promise<void>
  /** As if the machine had gone: it is killed with all that is under way. */
  crash(): Promise<void>
  start(): Promise<void>
  /** It keeps its connections, takes new ones, and answers nothing. */
  pause(): Promise<void>
  resume(): Promise<void>
}

/** A server in a temporary folder, on loopback. Rejects where PostgreSQL is not installed, or does not start. */
export async function startOwnPostgres({ settings = {} }: { readonly settings?: Readonly<Record<string, string>> } = {}): Promise<OwnPostgres> {
  const programs = foldersOfPrograms().at(-1)
  if (programs === undefined) throw new Error('PostgreSQL is not installed')
  const user = unprivilegedUser()
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-postgres-'))
  if (user !== null) await chown(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  await promisify(execFile)(join(programs, 'initdb'), ['-D', data, '-U', 'tests', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'], { ...user, cwd: folder })
  const port = await freePort()
  const url = `postgres://tests@127.0.0.1:${port}/postgres`
  const options = { port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: folder, fsync: 'off', ...settings }
  const flags = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  let server: ChildProcess | null = null

  const start = async (): Promise<void> => {
    const log = await open(join(folder, 'log'), 'a')
    server = spawn(join(programs, 'postgres'), ['-D', data, ...flags], { ...user, cwd: folder, stdio: ['ignore', log.fd, log.fd] })
    await log.close()
    await untilReady(url, server, () => readFileSync(join(folder, 'log'), 'utf8'))
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = server
    server = null
    if (ending === null || ending.exitCode !== null) return
    const exited = once(ending, 'exit')
    ending.kill(signal)
    await exited
  }
  const signalAll = async (signal: NodeJS.Signals): Promise<void> => {
    const pid = server?.pid
    if (pid === undefined) return
    for (const each of [pid, ...await childrenOf(pid)]) signalOne(each, signal)
  }
  await start()
  return {
    url, start,
    stop: () => end('SIGINT'),
    crash: () => end('SIGQUIT'),
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
    [Symbol.asyncDispose]: async () => {
      await signalAll('SIGCONT')
      await end('SIGQUIT')
      await rm(folder, { recursive: true })
    },
  }
}

/** PostgreSQL does not run as root. */
function unprivilegedUser(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (user === undefined) throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody')
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

const START_MS = 20_000

async function untilReady(url: string, server: ChildProcess, log: () => string): Promise<void> {
  const deadline = performance.now() + START_MS
  for (;;) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 1000 })
    client.on('error', () => {}) // the attempt rejects too
    const isReady = await client.connect().then(() => true, () => false)
    await client.end()
    if (isReady) return
    if (server.exitCode !== null || performance.now() > deadline) throw new Error(`PostgreSQL does not start: ${log().slice(-2000)}`)
    await sleep(30)
  }
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error // it ended meanwhile
  }
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  // The parent is the second field behind the name, which is in brackets and may hold anything.
  const parents = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').then((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]), () => 0)))
  return pids.filter((_, index) => parents[index] === pid)
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
