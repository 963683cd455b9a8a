// How long reading the mentions of a prompt of 32 kB takes, at its worst, against a plain scan for signs with names by one regular
// expression. Cold is the first call of a process of its own. `node_modules/.bin/node bench/mentions.ts`
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { joinTexts, piecesOf, scanMentions } from '../src/domain/mention.ts'
import { isErrorCode } from '../src/domain/error-table.ts'
import { median, report, rounded } from './support/report.ts'

const UNITS = 32_000
const RUNS = 15
const KNOWN: ReadonlySet<string> = new Set(['ana', 'bob', 'alice', '小明', '明'])
const fill = (unit: string, before = ''): string => (before + unit.repeat(Math.ceil(UNITS / unit.length))).slice(0, UNITS)
const fillEach = (unit: (index: number) => string): string => Array.from({ length: UNITS / 4 }, (_, index) => unit(index)).join('').slice(0, UNITS)
const letters = (first: number, count: number, index: number): string => String.fromCharCode(...Array.from({ length: 76 }, (_, at) => first + ((index * 77 + at * 13) % count)))

const PROMPTS: Readonly<Record<string, string>> = {
  'prose, 20 mentions': fill(`${'a quiet street at night, slow camera, '.repeat(40)}@bob waves. `),
  'every kind of sign': fill('让@小明在海边跑步 and @ana.Then bob@x.com \\@esc ＠ａｎａ '),
  'two mentions a line': fill('@bob 跳舞 and @alice.then '),
  'mentions glued to a word': fill('@bob', 'x'),
  'two letters each': fill('@明'),
  'new Han names each': fillEach((index) => `@明${letters(0x4e00, 20_000, index)} `),
  'new half-width names each': fillEach((index) => `@Ａ${letters(0xff71, 30, index)} `),
  'one run of Han': fill('明', '@'),
  'one run of dots': fill('a.', '@'),
  'one word': fill('a', '@'),
  'one run of marks': fill('\u0301', '@a'),
  'sentence ends': fill('@a.B.B.B.B.B.B.B.B.B.B.B.B.B.B.B.B '),
  'only signs': fill('@'),
  'open braces': fill('@{'),
  'open braces with names': fill(`@{${'a'.repeat(190)}`),
  'spaces in a brace': fill(' ', '@{'),
  backslashes: `${fill('\\').slice(4)}@ana`,
  escapes: fill('\\@'),
  'one URL': fill('http://a/@bob'),
  'many URLs': fill('http://a/@bob然'),
  'nearly URLs': fill('a.b+c-'),
  'e-mails': fill('a@b.cd '),
}

function readMentions(prompt: string): void {
  try {
    joinTexts(piecesOf(scanMentions(prompt), (name) => (KNOWN.has(name) ? name : undefined)).pieces)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && isErrorCode(String(error.code)))) throw error
  }
}

const plainScan = (prompt: string): number => prompt.match(/[@＠﹫][\p{L}\p{N}_][\p{L}\p{M}\p{N}_.·-]*/gu)?.length ?? 0

function timed(work: () => unknown): number {
  const started = performance.now()
  work()
  return performance.now() - started
}

const only = process.argv[2]
if (only !== undefined) {
  console.log(timed(() => readMentions(PROMPTS[only])))
} else {
  const rows = Object.entries(PROMPTS).map(([prompt, text]) => {
    const cold = median([1, 2, 3].map(() => Number(execFileSync(process.execPath, [fileURLToPath(import.meta.url), prompt]))))
    const warm = median(Array.from({ length: RUNS }, () => timed(() => readMentions(text))))
    const plain = median(Array.from({ length: RUNS }, () => timed(() => plainScan(text))))
    return { prompt, 'cold ms': rounded(cold, 1), 'warm ms': rounded(warm, 2), 'plain scan ms': rounded(plain, 2) }
  })
  await report('mentions', rows.toSorted((a, b) => b['warm ms'] - a['warm ms']))
}
