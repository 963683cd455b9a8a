/** Markup that may be put on a page as it is. Made by {@link html} alone. */
export class Html {
  readonly text: string

  constructor(text: string) { this.text = text }

  toString(): string { return this.text }
}

type Value = string | number | Html | null | false | readonly Value[]

/** A template whose values are escaped, in text and in quoted attributes; `null` and `false` are nothing. */
export const html = (strings: TemplateStringsArray, ...values: readonly Value[]): Html =>
  new Html(strings.reduce((text, part, i) => text + markup(values[i - 1] ?? null) + part))

function markup(value: Value): string {
  if (value === null || value === false) return ''
  if (value instanceof Html) return value.text
  return typeof value === 'object' ? value.map(markup).join('') : escape(String(value))
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char])
