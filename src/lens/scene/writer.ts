import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { CAPTION_FONT } from '../../../models/table.ts'
import { readCoverage } from './font-coverage.ts'
import type { Coverage } from './rgba.ts'

export interface TextOptions {
  readonly size: number
  /** Lines are broken to fit. */
  readonly width: number
}

/** Writes text with the font of this project, and with no other. */
export interface Writer {
  readonly has: (codePoint: number) => boolean
  /** What the pen touches, and nothing around it. The text must have some ink. */
  write(text: string, options: TextOptions): Promise<Coverage>
}

/** Of the size, from one line to the next: the font's own is 1, which is tight for a caption. */
export const LINE_HEIGHT = 1.32

/** Rejects, naming the file, when the font is missing or is not the one in the table. */
export async function openWriter(folder: string): Promise<Writer> {
  const path = join(folder, CAPTION_FONT.file)
  const font = await readFile(path)
  if (createHash('sha256').update(font).digest('hex') !== CAPTION_FONT.sha256) throw new Error(`The font ${path} is not the one in models/table.ts; make it again with \`npm run models\`.`)
  process.env.FONTCONFIG_FILE = join(import.meta.dirname, 'no-system-fonts.conf')
  return { has: readCoverage(font), write: (text, options) => write(text, { ...options, path }) }
}

async function write(text: string, { size, width, path }: TextOptions & { readonly path: string }): Promise<Coverage> {
  const spacing = Math.round((LINE_HEIGHT - 1) * size)
  const ink = sharp({ text: { text: escapeMarkup(text), font: `${CAPTION_FONT.name} ${size}`, fontfile: path, width: Math.round(width), dpi: 72, spacing, wrap: 'word-char' } })
  const { data, info } = await ink.extractChannel(0).raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data }
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Pango reads its input as markup. */
const escapeMarkup = (text: string): string => text.replaceAll(/[&<>]/g, (sign) => ENTITIES[sign] ?? '')
