import { connect } from 'node:net'

/** What a server sends back for these bytes, until it closes the connection. */
export function rawExchange(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let answer = ''
    socket.setTimeout(20_000, () => socket.destroy(new Error(`no end of the answer after 20 s: ${answer}`)))
    socket.setEncoding('utf8').on('data', (text: string) => { answer += text })
    socket.on('close', () => resolve(answer))
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)))
  })
}
