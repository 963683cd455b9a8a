import { WORD_PART } from './run-on-script.ts'

/** How a family of models wants its references called in a prompt. */
export type LabelStyle = 'tag' | 'ordinal' | 'bracket' | 'at' | 'kling' | 'character' | 'imageRef0' | 'subject' | 'name' | 'describe'

const ENGLISH = { image: 'Image', video: 'Video', audio: 'Audio' } as const

/** A reference that is called by a label: it is the `n`th of its kind and `place` is that among all; `cast` is that of its character. All count from 1. */
export interface Labelled { readonly kind: keyof typeof ENGLISH; readonly n: number; readonly place: number; readonly cast: number; readonly username: string; readonly isChinese: boolean }

export interface Style {
  /** null: the family knows no labels, so characters are described. */
  readonly labelOf: ((labelled: Labelled) => string) | null
  /** What a preamble calls a character, counted from 1, where the family has a word for that. */
  readonly subjectOf?: (cast: number) => string
  /** Text of the user that the family would take for a label: it is written full-width. */
  readonly reads: RegExp | null
  /** Plain words that it may take for a label: they stay as they are. */
  readonly mayRead: RegExp | null
  /** Two characters that would be read as one word where a label begins or ends: a space goes between. */
  readonly clings: RegExp | null
}

const CHINESE = { image: '图', video: '视频', audio: '音频' } as const
const TAGS = { ...ENGLISH, image: 'Picture' } as const

const ANY_LETTERS = /^[\p{L}\p{N}][@\p{L}\p{N}]$/u
const SPACED_LETTERS = new RegExp(`^${WORD_PART}{2}$`, 'v') // Chinese needs no spaces

/** What is known of each family of models. */
export const LABEL_STYLES: Readonly<Record<LabelStyle, Style>> = {
  tag: { labelOf: ({ kind, n }) => `<${TAGS[kind]} ${n}>`, subjectOf: (cast) => `<Subject ${cast}>`, reads: /<\s?(?:Picture|Image|Video|Audio|Subject)\s?\d+\s?>/gi, mayRead: null, clings: null },
  ordinal: {
    labelOf: ({ kind, n, isChinese }) => (isChinese ? `${CHINESE[kind]}${n}` : `${ENGLISH[kind]} ${n}`),
    reads: null, mayRead: /\b(?:Image|Video|Audio)\s?\d|(?:图|圖|视频|視頻|音频|音頻)\s?\d/i, clings: SPACED_LETTERS,
  },
  bracket: { labelOf: ({ kind, n }) => `[${ENGLISH[kind]} ${n}]`, reads: /\[\s?(?:Image|Video|Audio)\s?\d+\s?\]/gi, mayRead: null, clings: null },
  at: { labelOf: ({ kind, n }) => `@${ENGLISH[kind]}${n}`, reads: /@/g, mayRead: null, clings: ANY_LETTERS },
  kling: { labelOf: ({ kind, n }) => `<<<${kind}_${n}>>>`, reads: /<<<[^<>]*>>>|@/g, mayRead: null, clings: null },
  character: { labelOf: ({ place }) => `character${place}`, reads: null, mayRead: /\bcharacter\s?\d/i, clings: ANY_LETTERS },
  imageRef0: { labelOf: ({ kind, n }) => `<${kind.toUpperCase()}_REF_${n - 1}>`, reads: /<\s?(?:IMAGE|VIDEO|AUDIO)_REF_\d+\s?>/gi, mayRead: null, clings: null },
  subject: { labelOf: ({ cast }) => `@subject${cast}`, reads: /@/g, mayRead: null, clings: ANY_LETTERS },
  // Whoever reads this knows our names.
  name: { labelOf: ({ username }) => `@${username}`, reads: null, mayRead: null, clings: ANY_LETTERS },
  describe: { labelOf: null, reads: null, mayRead: null, clings: SPACED_LETTERS },
}
