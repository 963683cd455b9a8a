import { centreOf, widthOf } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'
import type { Models } from '../models.ts'
import type { Face } from './faces.ts'
import { warpTensor, type Similarity } from './warp.ts'

/** How a face looks in one frame. */
export interface FaceLook {
  /** FaceMesh's own opinion whether it is a face at all, 0..1. */
  readonly isFace: number
  /** Height over width of the eye that is less open; people differ, so compare within one track. */
  readonly eyesOpen: number
  /** 0 frontal, 1 profile. */
  readonly turned: number
  /** 0 upright, 1 lying. */
  readonly tilted: number
}

const SIZE = 192
const MARGIN = 1.5
/** Points of MediaPipe's canonical face: outer corner, two above, inner corner, two below. */
const EYES = [[33, 160, 158, 133, 153, 144], [362, 385, 387, 263, 373, 380]] as const
const CHEEKS = [234, 454] as const
const NOSE_TIP = 1

/** FaceMesh on one face. */
export async function measureFace(models: Models, picture: Picture, face: Face): Promise<FaceLook> {
  const angle = Math.atan2(face.points[1][1] - face.points[0][1], face.points[1][0] - face.points[0][0])
  const warp = { similarity: uprightSquare(face, angle), size: SIZE, divisor: 255 }
  const { landmarks, face_flag: flag } = await models.runOnImage('facemesh', (tensor) => warpTensor(tensor, picture, warp))
  const gap = (i: number, j: number): number => Math.hypot(landmarks[i * 3] - landmarks[j * 3], landmarks[i * 3 + 1] - landmarks[j * 3 + 1])
  const openness = ([outer, upper1, upper2, inner, lower2, lower1]: (typeof EYES)[number]): number => (gap(upper1, lower1) + gap(upper2, lower2)) / (2 * gap(outer, inner) || 1)
  const [rightSide, leftSide] = CHEEKS.map((cheek) => gap(cheek, NOSE_TIP))
  return {
    isFace: flag[0],
    eyesOpen: Math.min(...EYES.map(openness)),
    turned: Math.abs(rightSide - leftSide) / (rightSide + leftSide || 1),
    tilted: Math.min(1, Math.abs(angle) / (Math.PI / 2)),
  }
}

/** A square of 1.5 times the face's width around it, turned until the eyes are level. */
function uprightSquare({ box }: Face, angle: number): Similarity {
  const scale = SIZE / (widthOf(box) * MARGIN)
  const [a, b] = [scale * Math.cos(-angle), scale * Math.sin(-angle)]
  const [x, y] = centreOf(box)
  return { a, b, tx: SIZE / 2 - (a * x - b * y), ty: SIZE / 2 - (b * x + a * y) }
}
