import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NotPlainTar, TAR_END, tarBytes, tarEntries, tarHeader, tarPadding } from './tar.ts'

let folder: string
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'dramatis-tar-')) })
afterEach(() => rmSync(folder, { recursive: true }))

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const pack = (files: Readonly<Record<string, Uint8Array>>): Buffer => Buffer.concat([
  ...Object.entries(files).flatMap(([name, data]) => [tarHeader({ name, bytes: data.length }, 1_795_392_000_000), data, tarPadding({ bytes: data.length })]), TAR_END,
])
const entriesOf = (tar: Buffer) => Array.fromAsync(tarEntries(async (start, end) => tar.subarray(start, end), tar.length))
const FILES = { 'manifest.json': encode('{}'), 'empty.txt': new Uint8Array(), 'block.bin': new Uint8Array(512).fill(7), 'portrait.webp': new Uint8Array(1300).fill(9) }

test('what is written is what tar programs read, and as long as it was said to be', () => {
  const tar = pack(FILES)
  expect(tar).toHaveLength(tarBytes(Object.values(FILES).map(({ length }) => ({ bytes: length }))))
  writeFileSync(join(folder, 'a.tar'), tar)
  expect(execFileSync('tar', ['-tf', join(folder, 'a.tar')]).toString().trim().split('\n')).toEqual(Object.keys(FILES))
  execFileSync('tar', ['-xf', join(folder, 'a.tar'), '-C', folder])
  for (const [name, data] of Object.entries(FILES)) expect(readFileSync(join(folder, name)).equals(data)).toBe(true)
})

test('what is written is read again by range, and so is what tar programs write', async () => {
  const tar = pack(FILES)
  const read = Object.fromEntries((await entriesOf(tar)).map(({ name, start, bytes }) => [name, new Uint8Array(tar.subarray(start, start + bytes))]))
  expect(read).toEqual(FILES)
  for (const format of ['ustar', 'gnu']) {
    writeFileSync(join(folder, 'clip.mp4'), 'clip')
    const other = execFileSync('tar', ['-c', `--format=${format}`, '-C', folder, 'clip.mp4'])
    expect(await entriesOf(other)).toEqual([{ name: 'clip.mp4', bytes: 4, start: 512 }])
  }
})

test('links, folders, long names, other formats and what is cut off are refused', async () => {
  symlinkSync('/etc/passwd', join(folder, 'portrait.webp'))
  writeFileSync(join(folder, 'x'.repeat(120)), 'x')
  const bad = [
    execFileSync('tar', ['-c', '-C', folder, 'portrait.webp']),
    execFileSync('tar', ['-c', '-C', folder, '.']),
    execFileSync('tar', ['-c', '--format=pax', '-C', folder, 'x'.repeat(120)]),
    pack(FILES).subarray(0, 1000),
    pack(FILES).subarray(0, 513),
    Buffer.alloc(0),
    Buffer.from('PK\x03\x04'.padEnd(600, 'x')),
  ]
  const flipped = pack(FILES)
  flipped[0] ^= 1
  for (const tar of [...bad, flipped]) await expect(entriesOf(tar)).rejects.toThrow(NotPlainTar)
})

test('a size that no tar holds is refused rather than written wrongly', () => {
  for (const file of [{ name: 'a', bytes: 8 ** 11 }, { name: 'ö', bytes: 1 }, { name: '', bytes: 1 }, { name: 'a'.repeat(101), bytes: 1 }]) expect(() => tarHeader(file, 0)).toThrow(RangeError)
})
