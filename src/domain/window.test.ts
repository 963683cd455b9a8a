import { anything, array, assert, oneof, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from './errors.ts'
import { fitWindow, parseTimeWindow } from './window.ts'

const outcome = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return error.details.rule ?? error.code
  }
}

describe('timestamps that are a window', () => {
  test.each([
    ['1,3', 1000, 3000], ['1, 3', 1000, 3000], [' 1 ,3 ', 1000, 3000], ['1,3\n', 1000, 3000],
    ['1，3', 1000, 3000], ['１，３', 1000, 3000], ['1、3', 1000, 3000], ['1;3', 1000, 3000], ['1；3', 1000, 3000],
    ['1-3', 1000, 3000], ['1~3', 1000, 3000], ['1～3', 1000, 3000], ['1–3', 1000, 3000], ['1—3', 1000, 3000],
    ['1 3', 1000, 3000], ['1 to 3', 1000, 3000], ['1至3', 1000, 3000], ['1到3秒', 1000, 3000],
    ['‘1,3’', 1000, 3000], ['“1,3”', 1000, 3000], ['"1,3"', 1000, 3000], ['[1,3]', 1000, 3000], ['(1,3)', 1000, 3000],
    ['1s,3s', 1000, 3000], ['1秒,3秒', 1000, 3000], ['1 s - 3 s', 1000, 3000], ['0:01,0:03', 1000, 3000],
    ['00:00:01,00:00:03.5', 1000, 3500], ['75:00,75:02', 4_500_000, 4_502_000], ['00:00:03.5,0:05', 3500, 5000],
    ['1.5,3.5', 1500, 3500], ['3.55,5.55', 3550, 5550], ['0.1,3.1', 100, 3100], ['.5,2', 500, 2000], ['1.,3', 1000, 3000],
    ['0,3.0004', 0, 3000], ['0,3', 0, 3000], ['0,1', 0, 1000], ['1,2', 1000, 2000], ['1,4', 1000, 4000], ['5,8', 5000, 8000],
    [[1, 3], 1000, 3000], [['1', '3'], 1000, 3000], [[0, 3], 0, 3000], [[0.1, 3.1], 100, 3100],
    [{ start: 1, end: 3 }, 1000, 3000], [{ start: '1.5', end: '3' }, 1500, 3000],
  ])('%j', (text, startMs, endMs) => {
    expect(parseTimeWindow(text)).toEqual({ startMs, endMs })
  })
})

describe('timestamps that are none, and the rule they break', () => {
  test.each([
    ['1,1.999', 'too_short'], ['1,1', 'too_short'], ['1,5', 'too_long'], ['1,4.001', 'too_long'], ['10,15', 'too_long'],
    ['0,0.999', 'too_short'], ['0,3.001', 'too_long'], ['3,1', 'reversed'],
    ['-1,2', 'negative'], ['1,-3', 'negative'], 
    ['1,', 'syntax'], [',3', 'syntax'], ['', 'syntax'], ['  ', 'syntax'], ['a,b', 'syntax'], ['NaN,3', 'syntax'], ['Infinity,3', 'syntax'],
    ['1e0,3', 'syntax'], ['0x1,3', 'syntax'], ['①,③', 'syntax'], ['0:61,0:63', 'syntax'], ['1:60:00,1:60:02', 'syntax'],
    ['9999999999,9999999999', 'syntax'], [[1, null], 'syntax'], [[-1, 1], 'syntax'], ['1'.repeat(65), 'syntax'],
    ['1', 'count'], ['1,2,3', 'count'], ['1,5,3,5', 'count'], ['1,3s,', 'count'], [[1, 2, 3], 'count'], [{ start: 1 }, 'count'], [{}, 'count'],
    [13, 'type'], [1.3, 'type'], [true, 'type'],
    [null, 'missing_required_parameter'], [undefined, 'missing_required_parameter'],
  ])('%j breaks %s', (text, rule) => {
    expect(outcome(() => parseTimeWindow(text))).toBe(rule)
  })
})

test('whatever text is sent, the answer is a window of 1 to 3 s or an AppError', () => {
  assert(property(oneof(string(), array(anything()), anything()), (value) => {
    const result = outcome(() => parseTimeWindow(value))
    if (typeof result === 'string') return
    expect(result).toMatchObject({ startMs: expect.any(Number), endMs: expect.any(Number) })
  }))
})

describe('a window against the real duration', () => {
  test.each([
    [[2, 5], 4970, { startMs: 2000, endMs: 4970, isClamped: true }],
    [[4, 5], 4960, { startMs: 4000, endMs: 4960, isClamped: true }],
    [[0, 3], 3000, { startMs: 0, endMs: 3000, isClamped: false }],
    [[2, 5], 4200, 'timestamps_out_of_range'], [[5, 8], 4970, 'timestamps_out_of_range'], [[4, 5], 4700, 'timestamps_out_of_range'],
  ])('%j in %d ms', (pair, durationMs, expected) => {
    expect(outcome(() => fitWindow(parseTimeWindow(pair), durationMs))).toEqual(expected)
  })
})
