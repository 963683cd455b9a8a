/** Where a text stops being JSON: the engine's own message says so in words only, and not always. */
export interface JsonFault { readonly line: number; readonly column: number }

const SPACE = /[ \t\n\r]*/y
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

/** The first place at which `text` cannot go on as JSON. Only for texts that `JSON.parse` has refused. */
export function findJsonFault(text: string): JsonFault {
  return placeOf(text, new Scanner(text).run())
}

/** Lines and columns count from 1, columns in characters as an editor shows them. */
export function placeOf(text: string, offset: number): JsonFault {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: [...before[before.length - 1]].length + 1 }
}

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma or end'

/** A stack instead of recursion: the text may be nested as deep as it is long. */
class Scanner {
  readonly #text: string
  readonly #open: ('{' | '[')[] = []
  #at = 0

  constructor(text: string) { this.#text = text }

  run(): number {
    let expected: Expected | null = 'value'
    while (expected !== null) {
      this.#take(SPACE)
      if (expected === 'comma or end' && this.#open.length === 0) return this.#at // whatever follows is too much
      expected = this.#next(expected)
    }
    return this.#at
  }

  #next(expected: Expected): Expected | null {
    const char = this.#text[this.#at]
    switch (expected) {
      case 'colon': return this.#skip(':') ? 'value' : null
      case 'comma or end': return this.#afterValue(char)
      case 'key or }':
        if (char === '}') return this.#close()
        return this.#string() ? 'colon' : null
      case 'key': return this.#string() ? 'colon' : null
      case 'value or ]':
        if (char === ']') return this.#close()
        return this.#value(char)
      case 'value': return this.#value(char)
    }
  }

  #value(char: string | undefined): Expected | null {
    if (char === '{' || char === '[') {
      this.#open.push(char)
      this.#at++
      return char === '{' ? 'key or }' : 'value or ]'
    }
    const isRead = char === '"' ? this.#string() : this.#take(SCALAR)
    return isRead ? 'comma or end' : null
  }

  #afterValue(char: string | undefined): Expected | null {
    const inside = this.#open[this.#open.length - 1]
    if (char === ',') {
      this.#at++
      return inside === '{' ? 'key' : 'value'
    }
    return char === (inside === '{' ? '}' : ']') ? this.#close() : null
  }

  #close(): Expected {
    this.#open.pop()
    this.#at++
    return 'comma or end'
  }

  #string(): boolean {
    if (!this.#skip('"')) return false
    for (;;) {
      const char = this.#text[this.#at]
      if (char === undefined || char < ' ') return false
      if (char === '\\') {
        if (!this.#take(ESCAPE)) return false
      } else {
        this.#at++
        if (char === '"') return true
      }
    }
  }

  #skip(char: string): boolean {
    const isThere = this.#text[this.#at] === char
    if (isThere) this.#at++
    return isThere
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found) this.#at = pattern.lastIndex
    return found !== null && found[0] !== ''
  }
}
