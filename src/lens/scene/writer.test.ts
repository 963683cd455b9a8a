import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { CAPTION_FONT } from '../../../models/table.ts'
import type { Coverage } from './rgba.ts'
import { LINE_HEIGHT, openWriter, type Writer } from './writer.ts'

const folder = join(import.meta.dirname, '../../../models/onnx')
const OPTIONS = { size: 32, width: 600 }

let writer: Writer
beforeAll(async () => { writer = await openWriter(folder) })

const has = (text: string): boolean[] => [...text].map((character) => writer.has(character.codePointAt(0) ?? 0))
const write = (text: string): Promise<Coverage> => writer.write(text, OPTIONS)
const covered = ({ data }: Coverage): number => data.reduce((sum, value) => sum + value / 255, 0)

test('the font has what captions are written in, and knows what it lacks', () => {
  expect(has('a@é＠你張「…')).toEqual(Array.from({ length: 8 }, () => true))
  expect(has('한😀')).toEqual([false, false])
})

describe('Chinese', () => {
  test('characters look different from each other, and from what the font lacks', async () => {
    const [you, good, lacking] = [await write('你'), await write('好'), await write('한')]
    expect(you).not.toEqual(good)
    expect(you).not.toEqual(lacking)
    expect(covered(await write('一'))).toBeLessThan(covered(await write('龍')) / 2)
  })

  test('what the font lacks is not fetched from the fonts of this machine', async () => {
    // A box with its number instead: it has a line along its upper edge.
    for (const lacking of ['한', '😀']) {
      const { width, data } = await write(lacking)
      expect(data.subarray(0, 2 * width).reduce((sum, value) => sum + value, 0) / (255 * width)).toBeGreaterThan(0.7)
    }
  })
})

test('markup is written as it is', async () => {
  const [plain, bold] = [await write('hi'), await write('<b>hi</b>')]
  expect(bold.width).toBeGreaterThan(plain.width * 3)
  await expect(write('a & b < c > "d" &amp; </span')).resolves.toMatchObject({ height: expect.any(Number) })
})

test('lines break where they are too long, also inside a word and between Chinese characters', async () => {
  const line = (await write('字')).height
  for (const text of ['several words that go on and on and on until they fill three lines of six hundred pixels and more', 'x'.repeat(90), '字'.repeat(50)]) {
    const ink = await write(text)
    expect(ink.width).toBeLessThanOrEqual(OPTIONS.width)
    expect(ink.height).toBeGreaterThan(line + LINE_HEIGHT * OPTIONS.size)
  }
})

test('a font that is not the pinned one is refused', async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'writer-test-'))
  onTestFinished(() => rm(scratch, { recursive: true }))
  await cp(join(folder, CAPTION_FONT.file), join(scratch, CAPTION_FONT.file))
  await writeFile(join(scratch, CAPTION_FONT.file), 'x', { flag: 'a' })
  await expect(openWriter(scratch)).rejects.toThrow('npm run models')
})
