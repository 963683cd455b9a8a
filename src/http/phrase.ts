import type { ErrorDetails, Language } from '../domain/errors.ts'

/** A fact for an error's texts that is itself a sentence, so it needs both languages. */
export class Phrase {
  readonly en: string
  readonly zh: string

  constructor(en: string, zh: string) {
    this.en = en
    this.zh = zh
  }

  toString(): string { return this.en }
}

export const phrase = (en: string, zh: string): Phrase => new Phrase(en, zh)

export const detailsIn = (language: Language, details: ErrorDetails): ErrorDetails =>
  Object.fromEntries(Object.entries(details).map(([name, value]) => [name, value instanceof Phrase ? value[language] : value]))
