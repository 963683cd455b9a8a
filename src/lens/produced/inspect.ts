import sharp from 'sharp'
import type { ByteSource } from '../../runtime/byte-source.ts'
import type { Frame, Picture } from '../frame.ts'
import type { Calls } from '../protocol.ts'
import { contrastOf } from '../sight/focus.ts'
import { encodeThumbnail } from '../sight/pictures.ts'
import { openProduced } from './produced-video.ts'

const THUMBNAIL_SIDE = 512
/** A first frame that fades in shows less than this share of what the plainest shows. */
const LEAST_CONTRAST = 0.5
const SHEET = { frames: 25, perRow: 5, cell: { width: 160, height: 320 } } as const

/** Judges a produced video by decoding frames of all its parts; shows it as one picture and as many. Rejects with `media_*`. */
export async function inspect(source: ByteSource): Promise<Calls['inspect']['answers']> {
  using video = await openProduced(source)
  const frames: Frame[] = []
  for await (const frame of video.frames({ count: SHEET.frames, longSide: THUMBNAIL_SIDE })) frames.push(frame)
  return { ...video.facts, thumbnail: await encodeThumbnail(plainest(frames)), spritesheet: await drawSheet(frames) }
}

/** The first that shows something. */
function plainest(frames: readonly Frame[]): Frame {
  const contrasts = frames.map(contrastOf)
  const least = LEAST_CONTRAST * Math.max(...contrasts)
  return frames[contrasts.findIndex((contrast) => contrast >= least)]
}

async function drawSheet(frames: readonly Frame[]): Promise<Uint8Array> {
  const cell = cellOf(frames[0])
  const tiles = await Promise.all(frames.map(async (frame, i) => ({
    input: await sharp(frame.data, rawOf(frame)).resize(cell.width, cell.height, { fit: 'contain' }).raw().toBuffer(),
    raw: { ...cell, channels: 3 as const }, left: (i % SHEET.perRow) * cell.width, top: Math.floor(i / SHEET.perRow) * cell.height,
  })))
  const sheet = { width: cell.width * SHEET.perRow, height: cell.height * Math.ceil(frames.length / SHEET.perRow) }
  return sharp({ create: { ...sheet, channels: 3, background: 'black' } }).composite(tiles).jpeg({ quality: 80 }).toBuffer()
}

/** In the shape of the video, within the most a cell may have. */
function cellOf({ width, height }: Picture): { readonly width: number; readonly height: number } {
  const scale = Math.min(SHEET.cell.width / width, SHEET.cell.height / height)
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

const rawOf = ({ width, height }: Picture) => ({ raw: { width, height, channels: 3 as const } })
