import { spawn, type ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { MOST_MESSAGE_BYTES, TO_SERVICE } from '../lens/protocol.ts'
import { BrokenMessage, encodeMessage, MessageReader } from '../runtime/message-pipe.ts'
import type { Jail, Program } from './jail-kinds.ts'
import { LensDied } from './lens-died.ts'
import type { LensLimits } from './limits.ts'

const MOST_LAST_WORDS = 4000
const MOST_QUOTED = 300
/** Its last words come through another pipe than the news of its end. */
const LAST_WORDS_MS = 200
/**
 * All a lens knows of its surroundings. onnxruntime's official binaries report to their maker unless told not to. glibc keeps freed pictures for itself unless told where "large" begins: with these figures a window of 1080p peaks at
 * 355 MiB instead of 440-500, for about 5 % more CPU.
 */
const ENVIRONMENT = { ORT_DISABLE_TELEMETRY: '1', MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '67108864' }

export interface StartOptions { readonly jail: Jail; readonly program: Program; readonly limits: LensLimits }

/** A program of ours in a jail, with message pipes to it and from it. What it says is not believed here. */
export class JailedProcess {
  /** Resolves once the process is gone, whatever the reason. */
  readonly ended: Promise<LensDied>
  /** The request it works for, once there is one. */
  traceId: string | null = null
  readonly #child: ChildProcess
  #reason: string | null = null
  #lastWords = ''
  #onMessage: (message: unknown) => void = () => this.end('spoke without being asked')

  constructor({ jail, program, limits }: StartOptions) {
    const [command, ...rest] = [
      ...jail.wrap(program, limits),
      process.execPath, `--max-old-space-size=${limits.heapMiB}`, '--expose-gc', program.path, program.modelsFolder,
    ]
    // A process group of its own: Ctrl-C in a terminal is for the service, and the end of a lens is the end of whatever it started.
    this.#child = spawn(command, rest, { stdio: ['pipe', 'ignore', 'pipe', 'pipe'], env: ENVIRONMENT, cwd: '/', detached: true })
    this.ended = this.#watchEnd()
    this.#child.stdin?.on('error', () => {}) // written to while it dies: `ended` tells
    this.#child.stderr?.on('data', (chunk: Uint8Array) => { this.#lastWords = (this.#lastWords + String(chunk)).slice(-MOST_LAST_WORDS) })
    this.#listen(this.#child.stdio[TO_SERVICE] as Readable)
  }

  onMessage(listener: (message: unknown) => void): void { this.#onMessage = listener }

  /** Resolves when the message is in the pipe: the process has read what came before it. Never rejects. */
  send(message: unknown): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { stdin } = this.#child
    if (!stdin?.writable) return Promise.resolve()
    const [length, body] = encodeMessage(message)
    stdin.cork()
    stdin.write(length)
    stdin.write(body, () => resolve())
    stdin.uncork()
    return promise
  }

  hangUp(): void { this.#child.stdin?.end() }

  /** SIGKILL, and nothing gentler: a decoder in a loop hears no other signal. The first reason given counts. */
  end(reason: string): void {
    this.#reason ??= reason
    const { pid, exitCode, signalCode } = this.#child
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    try {
      process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
    } catch {
      this.#child.kill('SIGKILL') // not yet the head of its group
    }
  }

  #listen(pipe: Readable): void {
    const reader = new MessageReader({ mostBytes: MOST_MESSAGE_BYTES })
    pipe.on('error', () => {})
    pipe.on('data', (chunk: Uint8Array) => {
      if (this.#reason !== null) return
      try {
        for (const message of reader.push(chunk)) this.#onMessage(message)
      } catch (error) {
        if (!(error instanceof BrokenMessage)) throw error
        this.end(`sent ${error.message}`)
      }
    })
  }

  #watchEnd(): Promise<LensDied> {
    const { promise, resolve } = Promise.withResolvers<LensDied>()
    const child = this.#child
    const closed = new Promise<void>((done) => { child.once('close', () => done()) })
    child.once('error', (error) => resolve(new LensDied(`could not be started: ${error.message}`)))
    child.once('exit', async (code, signal) => {
      await Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })])
      resolve(new LensDied(this.#reason ?? `${signal ?? `exit ${code}`}${quote(this.#lastWords)}`))
    })
    return promise
  }
}

/** The line that says what went wrong, out of a stack or V8's report. */
function quote(words: string): string {
  const line = /^.*(?:FATAL|Fatal|[Ee]rror\b|panicked).*$/m.exec(words)?.[0] ?? /\S.*/.exec(words)?.[0]
  return line === undefined ? '' : `: ${line.trim().slice(0, MOST_QUOTED)}`
}
