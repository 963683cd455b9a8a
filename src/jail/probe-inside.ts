// Runs inside the jail at start-up and tries what a lens must not be able to do.
import { constants, writeSync } from 'node:fs'
import { access, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { TO_SERVICE } from '../lens/protocol.ts'
import { encodeMessage, MessageReader } from '../runtime/message-pipe.ts'
import { probeTask, type Findings, type ProbeTask } from './probe-task.ts'

const CONNECT_MS = 1000
const succeeds = (attempt: Promise<unknown>): Promise<boolean> => attempt.then(() => true, () => false)

async function tryAll({ port, files, folders, newFile }: ProbeTask): Promise<Findings> {
  const readable = await Promise.all(files.map((path) => succeeds(readFile(path))))
  const writable = await Promise.all([
    ...folders.map((path) => succeeds(access(path, constants.W_OK))),
    succeeds(writeFile(newFile, 'written from inside the jail')),
  ])
  return { network: await canConnect(port), files: readable.includes(true), writing: writable.includes(true), dataBytes: await dataLimit() }
}

function canConnect(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ host: '127.0.0.1', port, timeout: CONNECT_MS })
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false)).on('timeout', () => resolve(false)).on('close', () => resolve(false))
  return promise.finally(() => socket.destroy())
}

/** null: no limit, or none that can be read. */
async function dataLimit(): Promise<number | null> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const bytes = /^Max data size +(\d+)/m.exec(limits)?.[1]
  return bytes === undefined ? null : Number(bytes)
}

const reader = new MessageReader({ mostBytes: 10_000 })
process.stdin.on('data', async (chunk: Uint8Array) => {
  for (const message of reader.push(chunk)) {
    for (const part of encodeMessage(await tryAll(probeTask.parse(message)))) writeSync(TO_SERVICE, part)
  }
})
process.stdin.on('end', () => process.exit(0))
