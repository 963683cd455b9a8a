import { AppError } from './errors.ts'

/** A stretch of a video, in whole milliseconds from the first frame shown; start < end. */
export interface TimeWindow { readonly startMs: number; readonly endMs: number }

/** The least and the most a window may be wide, both allowed. */
export const WINDOW_MS = { least: 1000, most: 3000 } as const

const MOST_TEXT = 64
const MOST_TIME_MS = 100 * 3_600_000
/** Containers round durations: this much of the end may be missing, if this much of the window is left. */
const OVERSHOOT_MS = 500
const LEAST_LEFT_MS = 950

const SEPARATOR = /\s*(?:,|\u3001|;|~|\u301C|[\u2010-\u2015]|-|\bto\b|\u81F3|\u5230)\s*|\s+(?=[\d.])/
const QUOTES_AND_BRACKETS = /^[\s'"‘’“”`[({]+|[\s'"‘’“”`\])}]+$/g

/**
 * `"1,3"` and its tolerant forms as a window of 1.000 to 3.000 s.
 * Throws `invalid_timestamps` with the rule that was broken, or `missing_required_parameter`.
 */
export function parseTimeWindow(value: unknown): TimeWindow {
  if (value === undefined || value === null) throw new AppError('missing_required_parameter', { param: 'timestamps', details: { example: '"1,3"' } })
  const pair = readPair(value)
  if (pair.length !== 2) throw broken('count', { count: pair.length })
  const [startMs, endMs] = pair.map(milliseconds)
  const isInRange = startMs <= MOST_TIME_MS && endMs <= MOST_TIME_MS // false for NaN too
  if (!isInRange) throw broken('syntax')
  if (endMs < startMs) throw broken('reversed', { start: startMs / 1000, end: endMs / 1000 })
  const widthMs = endMs - startMs
  if (widthMs < WINDOW_MS.least) throw broken('too_short', { seconds: widthMs / 1000 })
  if (widthMs > WINDOW_MS.most) throw broken('too_long', { seconds: widthMs / 1000 })
  return { startMs, endMs }
}

type Rule = 'syntax' | 'count' | 'type' | 'negative' | 'reversed' | 'too_short' | 'too_long'
const broken = (rule: Rule, details = {}): AppError => new AppError('invalid_timestamps', { param: 'timestamps', details: { rule, ...details } })

function readPair(value: unknown): readonly unknown[] {
  if (typeof value === 'string') return splitText(value)
  if (Array.isArray(value)) return value
  if (typeof value === 'object' && value !== null) return 'start' in value && 'end' in value ? [value.start, value.end] : []
  throw broken('type', { got: typeof value }) // 1.3 is what a lost quote or a decimal comma leaves
}

function splitText(value: string): readonly string[] {
  if (value.length > MOST_TEXT) throw broken('syntax')
  const text = halfWidth(value).trim().replace(QUOTES_AND_BRACKETS, '')
  if (text === '') throw broken('syntax')
  const pair = text.split(SEPARATOR)
  const hasSign = text.startsWith('-') || (pair.length === 3 && pair[1] === '') // "1,-3"
  if (hasSign) throw broken('negative')
  return pair
}

/** Only the full-width block is folded: whole NFKC would also turn circled and superscript digits into digits. */
const halfWidth = (text: string): string => text.replace(/[\uFF01-\uFF5E]/g, (char) => String.fromCharCode(char.charCodeAt(0) - 0xfee0)).replaceAll('\u3000', ' ')

function milliseconds(value: unknown): number {
  if (typeof value === 'number') return value >= 0 && value < 1e6 ? millisecondsOfText(value.toFixed(6)) : Number.NaN
  return typeof value === 'string' ? millisecondsOfText(halfWidth(value)) : Number.NaN
}

/** By exact decimal arithmetic: `0.1` to `3.1` is 3000 ms wide, not 3000.0000000000004. NaN for what is not a time. */
function millisecondsOfText(value: string): number {
  const text = value.trim().replace(/\s*(?:s|secs?|seconds?|秒)$/i, '')
  const clock = /^(?:(\d{1,2}):)?(\d{1,3}):([0-5]?\d)(?:\.(\d+))?$/.exec(text)
  if (clock) {
    const [, hours, minutes, seconds, fraction] = clock
    if (hours !== undefined && Number(minutes) > 59) return Number.NaN
    return (Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000 + thousandths(fraction)
  }
  const plain = /^(?:(\d+)(?:\.(\d*))?|\.(\d+))$/.exec(text)
  return plain ? Number(plain[1] ?? 0) * 1000 + thousandths(plain[2] ?? plain[3]) : Number.NaN
}

const thousandths = (digits = ''): number => Math.round(Number(`0.${digits || '0'}`) * 1000)

/**
 * The window against the real duration, known only once the source is open.
 * A small overshoot at the end is clamped; anything else outside throws `timestamps_out_of_range`.
 */
export function fitWindow({ startMs, endMs }: TimeWindow, durationMs: number): TimeWindow & { readonly isClamped: boolean } {
  if (endMs <= durationMs) return { startMs, endMs, isClamped: false }
  const isNearlyInside = endMs - durationMs <= OVERSHOOT_MS && durationMs - startMs >= LEAST_LEFT_MS
  if (isNearlyInside) return { startMs, endMs: durationMs, isClamped: true }
  throw new AppError('timestamps_out_of_range', { param: 'timestamps', details: { start: startMs / 1000, end: endMs / 1000, duration: durationMs / 1000 } })
}
