import { connect } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { errorOf, startHttpServer } from '../../test/support/http-server.ts'
import { rawExchange } from '../../test/support/raw-http.ts'

const clip = { url: 'https://example.com/clip.mp4', timestamps: '1,3' }
const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`

test('once it is announced nothing new is taken, and it is not ready, while reads go on and new connections are answered', async () => {
  await using server = await startHttpServer()
  const { id } = server.characters.plant()
  server.announceClosing()
  const readiness = await server.request('/readyz')
  expect([readiness.status, readiness.headers.get('retry-after'), await readiness.json()]).toEqual([503, '5', { ready: false, facts: { jail: 'none', closing: true } }])
  const create = await server.postJson('/v1/characters', clip)
  expect([create.status, create.headers.get('retry-after')]).toEqual([503, '5'])
  expect(await errorOf(create)).toMatchObject({ code: 'shutting_down', hint: 'Wait 5 s and send it again.' })
  for (const path of ['/healthz', `/v1/characters/${id}`, '/v1/videos', '/metrics']) expect([path, (await server.request(path)).status]).toEqual([path, 200])
})

test('from then on every answer is the last of its connection', async () => {
  await using server = await startHttpServer()
  const socket = connect(server.port, '127.0.0.1')
  let heard = ''
  socket.setEncoding('utf8').on('data', (text: string) => { heard += text })
  socket.write(GET('/healthz'))
  await expect.poll(() => heard).toMatch(/connection: keep-alive\r\n[^]*"ok":true/i)
  server.announceClosing()
  const ended = once(socket, 'close')
  socket.write(GET('/healthz'))
  await ended
  expect(heard.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2)
  expect(heard).toMatch(/connection: close\r\n/i)
})

test('a request under way is answered, and then all ends', async () => {
  await using server = await startHttpServer()
  server.characters.next('wait')
  const underWay = rawExchange(server.port, `POST /sora/v1/characters HTTP/1.1\r\nhost: x\r\ncontent-length: ${JSON.stringify(clip).length}\r\n\r\n${JSON.stringify(clip)}`)
  await expect.poll(() => server.characters.created.length).toBe(1)
  server.announceClosing()
  const closed = server.close()
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow('fetch failed')
  setTimeout(() => server.characters.finish(), 150)
  const answer = await underWay
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(answer).toMatch(/"username":"[^"]+"/)
  const answered = performance.now()
  await closed
  expect(performance.now() - answered).toBeLessThan(5000)
})

test('connections that ask for nothing do not keep it', async () => {
  await using server = await startHttpServer()
  const [unused, idle] = [connect(server.port, '127.0.0.1'), connect(server.port, '127.0.0.1')]
  await Promise.all([once(unused, 'connect'), once(idle, 'connect')])
  idle.write(GET('/healthz'))
  await once(idle, 'data')
  const ended = Promise.all([once(unused, 'close'), once(idle, 'close')])
  const start = performance.now()
  await server.close()
  await ended
  expect(performance.now() - start).toBeLessThan(3000)
})
