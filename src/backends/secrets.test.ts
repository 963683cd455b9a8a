import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { backendRequest } from '../../test/support/backend-request.ts'
import { startStrictServer, type Answer, type Controls } from '../../test/support/strict-server.ts'
import { describeError, AppError } from '../domain/errors.ts'
import { createLog } from '../runtime/log.ts'
import type { Backend } from './backend.ts'
import { createComfyUi } from './comfyui.ts'
import { comfyuiConfig } from './comfyui-config.ts'
import { createOpenAiVideos } from './openai-videos.ts'
import { openaiVideosConfig } from './openai-videos-config.ts'

const KEY = 'sk-the-key-of-the-operator'
const HEADER = 'another-secret-in-a-header'
const PATH = 'a-path-that-nobody-is-told'
const SECRETS = [KEY, HEADER, PATH]
const { signal } = new AbortController()

const MODELS = { 'openai-videos': [{ id: 'm' }], comfyui: [{ id: 'm', preset: 'wan2.1-vace-1.3b' }] } as const

async function open(kind: keyof typeof MODELS, origin: string): Promise<Backend> {
  const settings = { name: 'b', kind, url: `${origin}/${PATH}/v1`, key: KEY, headers: { 'x-secret': HEADER }, models: MODELS[kind], timeoutSeconds: 0.2 }
  return kind === 'comfyui' ? await createComfyUi(comfyuiConfig.parse(settings)) : createOpenAiVideos(openaiVideosConfig.parse(settings), { fetch: { allow: [], dnsServers: [], maxBytes: 1 } })
}

const TELLING = `Bearer ${KEY} (${HEADER}) is wrong at http://10.0.0.5/${PATH}/v1/videos`
const HISTORY = { p: { outputs: {}, status: { status_str: 'error', messages: [['execution_error', { node_type: 'A', exception_message: TELLING }]] } } }
const ANSWERS: Readonly<Record<string, Answer | 'hang' | 'hang up'>> = {
  'a refusal': { status: 400, body: { error: { message: TELLING } } },
  'a refusal of the key': { status: 401, body: { detail: TELLING } },
  'a refusal in text': { status: 403, body: TELLING },
  'too many': { status: 429, body: { error: { message: TELLING } } },
  'a failure': { status: 500, body: TELLING },
  'an error in place of success': { status: 200, body: { error: { message: TELLING } } },
  'a page': { status: 200, body: `<html>${TELLING}</html>` },
  'words': { status: 200, body: TELLING },
  'a failed job': { status: 200, body: { id: 'x', status: 'failed', error: { message: TELLING } } },
  'an unknown state': { status: 200, body: { id: 'x', status: TELLING } },
  'a failed prompt': { status: 200, body: HISTORY },
  'a video elsewhere': { status: 400, body: { detail: TELLING } },
  'a redirect': { status: 302, body: '', headers: { location: `http://127.0.0.1:1/${PATH}?key=${KEY}` } },
  'silence': 'hang',
  'a lost connection': 'hang up',
}

/** All that anybody is told of whatever these calls end with. */
async function everythingSaid(backend: Backend): Promise<string> {
  const said: string[] = []
  const log = createLog({ destination: { write: (line) => { said.push(line) } } })
  const operation = { id: 'x', promptId: 'p', output: 'file' }
  const calls = [
    () => backend.health({ signal }),
    () => backend.submit(backendRequest(backend.models[0]), { signal }),
    () => backend.status(operation, { signal }),
    async () => Array.fromAsync(await backend.open(operation, { filename: 'a.mp4', subfolder: '', type: 'output' }, { signal, maxBytes: 10 })),
    () => backend.cancel(operation, { signal }),
  ]
  for (const call of calls) {
    const outcome: unknown = await call().catch((error: unknown) => error)
    said.push(inspect(outcome, { depth: 20, showHidden: true }), JSON.stringify(outcome) ?? '')
    log.warn('video.retried', { error: outcome })
    if (outcome instanceof AppError) said.push(JSON.stringify(describeError(outcome, 'en')))
  }
  return said.join('\n')
}

describe.each(['openai-videos', 'comfyui'] as const)('%s tells nobody a key or an address', (kind) => {
  test.each(Object.entries(ANSWERS))('when it gets %s', async (_name, answer) => {
    const controls: Controls = { interfere: () => answer }
    await using server = await startStrictServer(() => ({ status: 500 }), controls)
    const said = await everythingSaid(await open(kind, server.origin))
    expect(server.received.every(({ headers }) => headers.authorization === `Bearer ${KEY}`)).toBe(true)
    expect(SECRETS.filter((secret) => said.includes(secret))).toEqual([])
  })

  test('when nobody is there', async () => {
    const said = await everythingSaid(await open(kind, 'http://127.0.0.1:1'))
    expect(said).toContain('backend_unavailable')
    expect(SECRETS.filter((secret) => said.includes(secret))).toEqual([])
  })
})
