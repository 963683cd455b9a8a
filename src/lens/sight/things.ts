import { clampedTo, type Box } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'
import type { Models } from '../models.ts'
import { keepBest } from './suppress.ts'
import { letterbox, drawTensor, wholeOf, type PixelScale } from './tensor.ts'

/** What NanoDet calls something, in pixels of the picture. The name is a hint and often wrong on toys. */
export interface Thing { readonly name: string; readonly score: number; readonly box: Box }

const SCALE: PixelScale = { mean: [103.53, 116.28, 123.675], deviation: [57.375, 57.12, 58.395], order: 'bgr' }
export const NANODET_INPUT = { size: 416, scale: SCALE }
const STRIDES = [8, 16, 32] as const
const BINS = 11
const SAME_THING = 0.5
const COCO = [
  'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat', 'traffic light', 'fire hydrant', 'stop sign',
  'parking meter', 'bench', 'bird', 'cat', 'dog', 'horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe', 'backpack', 'umbrella',
  'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball', 'kite', 'baseball bat', 'baseball glove', 'skateboard',
  'surfboard', 'tennis racket', 'bottle', 'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich', 'orange',
  'broccoli', 'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair', 'couch', 'potted plant', 'bed', 'dining table', 'toilet', 'tv',
  'laptop', 'mouse', 'remote', 'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink', 'refrigerator', 'book', 'clock', 'vase',
  'scissors', 'teddy bear', 'hair drier', 'toothbrush',
] as const

/** People, animals and things by NanoDet, best first. */
export async function detectThings(models: Models, picture: Picture, leastScore: number): Promise<readonly Thing[]> {
  const { size, scale } = NANODET_INPUT
  const region = wholeOf(picture)
  const { place, toPicture } = letterbox(region, size, 'start')
  const outputs = await models.runOnImage('nanodet', (tensor) => drawTensor(tensor, picture, { region, place, size, scale }))
  const things: Thing[] = []
  for (const stride of STRIDES) {
    const cells = size / stride
    const scores = outputs[`classes_${stride}`]
    const sides = outputs[`boxes_${stride}`]
    for (let i = 0; i < scores.length; i++) {
      if (scores[i] < leastScore) continue
      const cell = Math.floor(i / COCO.length)
      const [x, y] = [((cell % cells) + 0.5) * stride, (Math.floor(cell / cells) + 0.5) * stride]
      const [left, top, right, bottom] = [0, 1, 2, 3].map((side) => expectedBin(sides, (cell * 4 + side) * BINS) * stride)
      const box = clampedTo([...toPicture(x - left, y - top), ...toPicture(x + right, y + bottom)], picture.width, picture.height)
      things.push({ name: COCO[i % COCO.length], score: scores[i], box })
    }
  }
  return keepBest(things, SAME_THING)
}

/** NanoDet gives each side of a box as a distribution over 11 distances; the answer is its mean. */
function expectedBin(values: Float32Array, start: number): number {
  const bins = values.subarray(start, start + BINS)
  const most = Math.max(...bins)
  let total = 0
  let weighted = 0
  for (const [bin, value] of bins.entries()) {
    const weight = Math.exp(value - most)
    total += weight
    weighted += weight * bin
  }
  return weighted / total
}
