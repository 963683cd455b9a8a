/** One block of a stream of server-sent events: its fields, or the comment it is. */
export interface Block { readonly id?: string; readonly event?: string; readonly data?: { readonly id: string; readonly type: string; readonly data: Readonly<Record<string, unknown>> }; readonly retry?: string; readonly comment?: string }

export interface EventReader {
  /** The next block; null at the end of the stream. */
  next(): Promise<Block | null>
  /** Everything until the end. */
  rest(): Promise<Block[]>
}

export function readEvents(body: AsyncIterable<Uint8Array>): EventReader {
  const blocks = blocksOf(body)
  const next = async (): Promise<Block | null> => {
    const { value, done } = await blocks.next()
    return done ? null : value
  }
  return {
    next,
    rest: async () => {
      const all: Block[] = []
      for (let block = await next(); block !== null; block = await next()) all.push(block)
      return all
    },
  }
}

async function *blocksOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Block, undefined> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    yield* parts.map(blockOf)
  }
  if (text !== '') throw new Error(`the stream breaks off in a block: ${text}`)
}

function blockOf(text: string): Block {
  const fields = Object.fromEntries(text.split('\n').map((line) => {
    const [, name, value] = /^([a-z]*): ?(.*)$/.exec(line) ?? []
    if (name === undefined) throw new Error(`no line of an event: ${line}`)
    return name === '' ? ['comment', value] : [name, name === 'data' ? JSON.parse(value) : value]
  }))
  return fields
}
