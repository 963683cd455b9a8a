/** One request for a character, which is sent until it is answered, and again afterwards. */
export interface Wanted { readonly name: string; readonly body: string; readonly headers: Readonly<Record<string, string>> }

export interface Acknowledged { readonly id: string; readonly username: string; readonly atMs: number }

/** What clients asked for and what they were told: against this the library is checked. */
export interface Ledger {
  readonly acknowledged: ReadonlyMap<string, Acknowledged>
  /** What has no answer yet, or something new. */
  next(): Wanted
  /** All that has no answer yet. */
  unanswered(): readonly Wanted[]
  find(name: string): Wanted
  /** Gives back whether it is what was answered before. */
  acknowledge(wanted: Wanted, answer: Omit<Acknowledged, 'atMs'>): boolean
  /** It was told that there will be no character. */
  refuse(wanted: Wanted, code: string): void
  readonly refused: ReadonlyMap<string, string>
  giveBack(wanted: Wanted): void
}

export function openLedger(prefix: string, clipUrl: string): Ledger {
  const all = new Map<string, Wanted>()
  const acknowledged = new Map<string, Acknowledged>()
  const refused = new Map<string, string>()
  const waiting: Wanted[] = []
  const isAnswered = ({ name }: Wanted): boolean => acknowledged.has(name) || refused.has(name)
  const make = (): Wanted => {
    const number = all.size
    const name = `${prefix}-${number}`
    // Half of them rely on what the request says being the same, half on their key.
    const body = JSON.stringify({ url: `${clipUrl}?${name}`, timestamps: '0,1', metadata: { request: name }, ...(number % 2 === 1 && { force: true }) })
    const wanted = { name, body, headers: { 'content-type': 'application/json', ...(number % 2 === 1 && { 'idempotency-key': name }) } }
    all.set(name, wanted)
    return wanted
  }
  const find = (name: string): Wanted => {
    const wanted = all.get(name)
    if (!wanted) throw new Error(`nobody asked for ${name}`)
    return wanted
  }
  return {
    acknowledged, refused, find,
    next: () => waiting.shift() ?? make(),
    unanswered: () => [...all.values()].filter((wanted) => !isAnswered(wanted)),
    refuse: ({ name }, code) => { refused.set(name, code) },
    acknowledge: ({ name }, { id, username }) => {
      const earlier = acknowledged.get(name)
      if (earlier) return earlier.id === id
      acknowledged.set(name, { id, username, atMs: Date.now() })
      return true
    },
    giveBack: (wanted) => { if (!isAnswered(wanted) && !waiting.includes(wanted)) waiting.push(wanted) },
  }
}
