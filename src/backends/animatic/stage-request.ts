import type { BackendRequest } from '../backend.ts'

const HEX_DIGITS_OF_SEED = 8

/** What the lens is asked to draw: the first picture of each character is its figure, the second is for the backdrop, unless the user gave one. */
export function stageRequest({ videoId, shot, references, caption, language }: BackendRequest) {
  const [width, height] = shot.size.split('x').map(Number)
  const images = references.filter(({ kind }) => kind === 'image')
  const ofCast = Map.groupBy(images.flatMap((reference) => (reference.of === 'character' ? [reference] : [])), ({ cast }) => cast)
  const members = [...ofCast].toSorted(([a], [b]) => a - b).map(([, pictures]) => pictures)
  const own = images.filter((reference) => reference.of === 'picture')
  return {
    width, height, seconds: shot.seconds, caption, language,
    seed: shot.seed ?? parseInt(videoId.slice(-HEX_DIGITS_OF_SEED), 16),
    cast: members.map(([{ bytes, form }]) => ({ figure: bytes, isCutout: form === 'cutout' })),
    backdrops: own.length > 0 ? own.map(({ bytes }) => bytes) : members.map(([figure, other = figure]) => other.bytes),
    voice: references.find(({ kind }) => kind === 'audio')?.bytes ?? null,
  }
}
