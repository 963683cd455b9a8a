import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Backend, BackendRequest, BackendStatus, JsonObject } from '../../src/backends/backend.ts'
import { NO_REASON } from '../../src/backends/job-states.ts'
import { backendRequest } from '../support/backend-request.ts'
import { startOrigin } from '../support/origins.ts'

/** What a test can make the service behind a backend do. */
export interface ServiceControls {
  /** Until it is false again, jobs stay running. */
  hold(isHeld: boolean): void
  /** Jobs end with these words. */
  fail(said: string): void
  /** The next request that starts a video is answered with this status, and these words in the service's own form. */
  refuseNext(status: number, said: string): void
  /** The next request is never answered. */
  hangNext(): void
  forget(): void
  /** A finished video's host sends whoever asks there. */
  redirectOutput(to: string): void
}

export interface BackendUnderTest extends AsyncDisposable {
  /** Another instance on the same settings, as a later process of ours would have. */
  open(): Promise<Backend>
  /** What a finished video is; null where the backend makes its own. */
  readonly video: Uint8Array | null
  /** null: there is no service behind it. */
  readonly service: ServiceControls | null
}

export interface BackendSuiteOptions {
  start(): Promise<BackendUnderTest>
  readonly request?: (backend: Backend) => BackendRequest
  readonly can: {
    /** There is a service behind it that can fail: {@link BackendUnderTest.service}. */
    readonly misbehave: boolean
    /** It tells why a job failed. */
    readonly sayWhy: boolean
    /** A stored operation goes on in a later process. */
    readonly resume: boolean
  }
}

const MOST_BYTES = 200_000_000
const POLL_MS = 5
const { signal } = new AbortController()

/** The contract of {@link Backend}, for every one of them. */
export function backendSuite({ start, request = (backend) => backendRequest(backend.models[0]), can }: BackendSuiteOptions): void {
  test('says what it is', async () => {
    await using tested = await start()
    const backend = await tested.open()
    expect(backend.name).toMatch(/^[a-z0-9][a-z0-9_-]{0,39}$/)
    expect(backend.models.length).toBeGreaterThan(0)
    expect(backend.pollMs).toBeGreaterThan(0)
    expect(await backend.health({ signal })).toMatchObject({ isHealthy: true })
  })

  test('a video goes from queued to done, and its bytes come', async () => {
    await using tested = await start()
    const backend = await tested.open()
    const operation = await backend.submit(request(backend), { signal })
    const { states, output } = await follow(backend, operation)
    expect(states.filter((at) => at !== 'queued' && at !== 'running' && at !== 'done')).toEqual([])
    const bytes = await readAll(await backend.open(operation, output, { signal, maxBytes: MOST_BYTES }))
    expect(bytes.length).toBeGreaterThan(0)
    expect(Buffer.compare(bytes, tested.video ?? bytes)).toBe(0)
  })

  test('more bytes than allowed are refused', async () => {
    await using tested = await start()
    const backend = await tested.open()
    const operation = await backend.submit(request(backend), { signal })
    const { output } = await follow(backend, operation)
    const reading = async (): Promise<unknown> => readAll(await backend.open(operation, output, { signal, maxBytes: 10 }))
    await expect(reading()).rejects.toMatchObject({ code: 'output_invalid' })
  })

  test('an operation is JSON', async () => {
    await using tested = await start()
    const backend = await tested.open()
    const operation = await backend.submit(request(backend), { signal })
    expect(JSON.parse(JSON.stringify(operation))).toEqual(operation)
  })

  test.runIf(can.resume)('a later process goes on from the operation alone', async () => {
    await using tested = await start()
    const first = await tested.open()
    const stored = JSON.stringify(await first.submit(request(first), { signal }))
    const later = await tested.open()
    const { output } = await follow(later, JSON.parse(stored))
    const last = await tested.open()
    expect((await readAll(await last.open(JSON.parse(stored), JSON.parse(JSON.stringify(output)), { signal, maxBytes: MOST_BYTES }))).length).toBeGreaterThan(0)
  })

  test('cancelled, it ends, and cancelling again is no mistake', async () => {
    await using tested = await start()
    tested.service?.hold(true)
    const backend = await tested.open()
    const operation = await backend.submit(request(backend), { signal })
    await backend.status(operation, { signal })
    await backend.cancel(operation, { signal })
    await backend.cancel(operation, { signal })
    tested.service?.hold(false)
    const status = await backend.status(operation, { signal })
    expect(['cancelled', 'lost', 'done']).toContain(status.at === 'failed' ? status.error.code : status.at)
  })

  test('cancelling what is done is no mistake', async () => {
    await using tested = await start()
    const backend = await tested.open()
    const operation = await backend.submit(request(backend), { signal })
    await follow(backend, operation)
    await expect(backend.cancel(operation, { signal })).resolves.toBeUndefined()
  })

  test('a signal that has fired ends every call with its reason', async () => {
    await using tested = await start()
    const backend = await tested.open()
    const operation = await backend.submit(request(backend), { signal })
    const { output } = await follow(backend, operation)
    const reason = new Error('it is over')
    const over = { signal: AbortSignal.abort(reason) }
    await expect(backend.submit(request(backend), over)).rejects.toBe(reason)
    const reading = async (): Promise<unknown> => readAll(await backend.open(operation, output, { ...over, maxBytes: MOST_BYTES }))
    await expect(reading()).rejects.toBe(reason)
  })

  if (can.misbehave) serviceSuite({ start, request, sayWhy: can.sayWhy })
}

interface ServiceSuite { start(): Promise<BackendUnderTest>; request(backend: Backend): BackendRequest; readonly sayWhy: boolean }

function serviceSuite({ start, request, sayWhy }: ServiceSuite): void {
  const begin = async (): Promise<{ readonly service: ServiceControls; readonly backend: Backend } & AsyncDisposable> => {
    const tested = await start()
    if (tested.service === null) throw new Error('there is no service to misbehave')
    return { service: tested.service, backend: await tested.open(), [Symbol.asyncDispose]: () => tested[Symbol.asyncDispose]() }
  }

  test.each([429, 500, 503])('%i is unavailable, and the same request is fine afterwards', async (status) => {
    await using begun = await begin()
    const { service, backend } = begun
    const asked = request(backend)
    service.refuseNext(status, 'try later')
    await expect(backend.submit(asked, { signal })).rejects.toMatchObject({ code: 'backend_unavailable' })
    await follow(backend, await backend.submit(asked, { signal }))
  })

  test.each([400, 403, 422])('%i is a refusal in its own words', async (status) => {
    await using begun = await begin()
    const { service, backend } = begun
    service.refuseNext(status, 'The prompt was refused.')
    await expect(backend.submit(request(backend), { signal })).rejects.toMatchObject({ code: 'backend_rejected', details: { said: expect.stringContaining('The prompt was refused.') } })
  })

  test('a job that fails says why', async () => {
    await using begun = await begin()
    const { service, backend } = begun
    service.fail('CUDA out of memory')
    const status = await lastStatus(backend, await backend.submit(request(backend), { signal }))
    expect(status).toMatchObject({ at: 'failed', error: { code: 'backend_rejected', message: expect.stringContaining(sayWhy ? 'CUDA out of memory' : NO_REASON.en) } })
  })

  test('a job it forgot is lost', async () => {
    await using begun = await begin()
    const { service, backend } = begun
    const operation = await backend.submit(request(backend), { signal })
    service.forget()
    expect(await backend.status(operation, { signal })).toEqual({ at: 'lost' })
    await expect(backend.cancel(operation, { signal })).resolves.toBeUndefined()
  })

  test('a finished video whose host redirects to a private address is refused', async () => {
    await using inside = await startOrigin((_request, response) => { response.end('secret') })
    await using begun = await begin()
    const { service, backend } = begun
    service.redirectOutput(inside.url)
    const operation = await backend.submit(request(backend), { signal })
    const { output } = await follow(backend, operation)
    const reading = async (): Promise<unknown> => readAll(await backend.open(operation, output, { signal, maxBytes: MOST_BYTES }))
    await expect(reading()).rejects.toMatchObject({ code: expect.stringMatching(/^(?:output_invalid|backend_rejected)$/) })
    expect(inside.ranges).toEqual([])
  })

  test('a service that never answers is left when the signal fires', async () => {
    await using begun = await begin()
    const { service, backend } = begun
    const controller = new AbortController()
    const reason = new Error('it is over')
    service.hangNext()
    const submitting = backend.submit(request(backend), { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 20)
    await expect(submitting).rejects.toBe(reason)
  })
}

interface Followed { readonly states: readonly BackendStatus['at'][]; readonly output: JsonObject }

/** Looks until the video is done. */
export async function follow(backend: Backend, operation: JsonObject): Promise<Followed> {
  const states: BackendStatus['at'][] = []
  const last = await lastStatus(backend, operation, states)
  if (last.at !== 'done') throw new Error(`It ended ${last.at}${last.at === 'failed' ? `: ${last.error.message}` : ''}`)
  return { states, output: last.output }
}

async function lastStatus(backend: Backend, operation: JsonObject, states: BackendStatus['at'][] = []): Promise<BackendStatus> {
  for (;;) {
    const status = await backend.status(operation, { signal })
    states.push(status.at)
    if (status.at !== 'queued' && status.at !== 'running') return status
    await sleep(POLL_MS)
  }
}

export async function readAll(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}
