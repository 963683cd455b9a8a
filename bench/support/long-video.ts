// Videos for the benches: ten seconds of 1080p H.264 and AAC, drawn once, repeated by copying packets to any length.
import '@napi-rs/webcodecs/polyfill'
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import sharp from 'sharp'

const {
  AudioSample, AudioSampleSource, BufferSource, BufferTarget, EncodedAudioPacketSource, EncodedPacketSink, EncodedVideoPacketSource, FilePathSource, Input, MATROSKA,
  MP4, Mp4OutputFormat, Output, StreamTarget, VideoSample, VideoSampleSink, VideoSampleSource,
} = await import('mediabunny')

const SIZE = { width: 1920, height: 1080 }
const FRAMES_PER_SECOND = 30
const BASE_SECONDS = 10
const KEY_FRAME_SECONDS = 2
const SAMPLE_RATE = 48_000
const VIDEO_BITS_PER_SECOND = 2_300_000

/** Where the index lies. */
export type Layout = 'moov-first' | 'moov-last' | 'fragmented'
const FAST_START = { 'moov-first': 'in-memory', 'moov-last': false, fragmented: 'fragmented' } as const

/** Pictures of somebody signing, played forwards and backwards; where the footage is not at hand, a drawn face. */
async function pictures(footage: URL): Promise<Buffer[]> {
  const small = existsSync(footage) ? await footageFrames(footage) : await drawnFrames()
  const forwards = await Promise.all(small.map((png) => sharp(png).resize(SIZE.width, SIZE.height, { fit: 'contain', background: '#30343a' }).removeAlpha().raw().toBuffer()))
  return [...forwards, ...forwards.toReversed()]
}

async function footageFrames(footage: URL): Promise<Buffer[]> {
  const input = new Input({ source: new FilePathSource(footage.pathname), formats: [MATROSKA] })
  const track = await input.getPrimaryVideoTrack()
  if (!track) throw new Error(`${footage.pathname} has no video`)
  const frames: Buffer[] = []
  for await (const sample of new VideoSampleSink(track).samples()) {
    const pixels = new Uint8Array(sample.allocationSize({ format: 'RGBX' }))
    await sample.copyTo(pixels, { format: 'RGBX' })
    frames.push(await sharp(pixels, { raw: { width: sample.codedWidth, height: sample.codedHeight, channels: 4 } }).removeAlpha().png({ compressionLevel: 1 }).toBuffer())
    sample.close()
  }
  input.dispose()
  return frames
}

function drawnFrames(): Promise<Buffer[]> {
  return Promise.all(Array.from({ length: 78 }, (_, i) => sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480"><rect width="640" height="480" fill="#7d8a94"/>
    <g transform="translate(${250 + i} 90)"><ellipse cx="70" cy="95" rx="68" ry="88" fill="#e3b08c"/><circle cx="45" cy="80" r="9"/><circle cx="95" cy="80" r="9"/><path d="M66 85l-8 36h18zM40 140q30 22 60 0" fill="none" stroke="#842" stroke-width="5"/></g></svg>`)).png().toBuffer()))
}

/** Studio-range BT.709 planes of an RGB picture. */
function toI420(rgb: Buffer): Uint8Array {
  const { width, height } = SIZE
  const out = new Uint8Array((width * height * 3) / 2)
  const chroma = width * height
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3
      const [r, g, b] = [rgb[at], rgb[at + 1], rgb[at + 2]]
      out[y * width + x] = 16.5 + 0.1826 * r + 0.6142 * g + 0.062 * b
      if (x % 2 || y % 2) continue
      const c = (y >> 1) * (width >> 1) + (x >> 1)
      out[chroma + c] = 128.5 - 0.1006 * r - 0.3386 * g + 0.4392 * b
      out[chroma * 1.25 + c] = 128.5 + 0.4392 * r - 0.3989 * g - 0.0403 * b
    }
  }
  return out
}

/** Ten seconds as MP4 bytes, moov in front, a key frame every two seconds. */
export async function drawBase(footage: URL): Promise<Uint8Array> {
  const keepAlive = setInterval(() => {}, 1000) // codec callbacks alone do not hold the event loop open
  const planes = (await pictures(footage)).map(toI420)
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: 'in-memory' }), target: new BufferTarget() })
  const video = new VideoSampleSource({ codec: 'avc', bitrate: VIDEO_BITS_PER_SECOND, keyFrameInterval: KEY_FRAME_SECONDS })
  const audio = new AudioSampleSource({ codec: 'aac', bitrate: 128_000 })
  output.addVideoTrack(video, { frameRate: FRAMES_PER_SECOND })
  output.addAudioTrack(audio)
  await output.start()
  for (let i = 0; i < BASE_SECONDS * FRAMES_PER_SECOND; i++) {
    const colorSpace = { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false } as const
    const sample = new VideoSample(planes[i % planes.length], { format: 'I420', codedWidth: SIZE.width, codedHeight: SIZE.height, timestamp: i / FRAMES_PER_SECOND, duration: 1 / FRAMES_PER_SECOND, colorSpace })
    await video.add(sample)
    sample.close()
  }
  const tone = Float32Array.from({ length: BASE_SECONDS * SAMPLE_RATE }, (_, i) => 0.2 * Math.sin((2 * Math.PI * 220 * i) / SAMPLE_RATE))
  const sound = new AudioSample({ data: tone, format: 'f32', numberOfChannels: 1, sampleRate: SAMPLE_RATE, timestamp: 0 })
  await audio.add(sound)
  await output.finalize()
  clearInterval(keepAlive)
  if (!output.target.buffer) throw new Error('nothing was written')
  return new Uint8Array(output.target.buffer)
}

/** The ten seconds over and over, without coding them again. */
export async function writeLongVideo(path: string, base: Uint8Array, { seconds, layout }: { seconds: number; layout: Layout }): Promise<void> {
  const input = new Input({ source: new BufferSource(base), formats: [MP4] })
  const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()]
  const [videoConfig, audioConfig] = [await video?.getDecoderConfig(), await audio?.getDecoderConfig()]
  if (!video || !audio || !videoConfig || !audioConfig) throw new Error('the base has no picture or no sound')
  const file = await open(path, 'w')
  const target = new StreamTarget(new WritableStream({ write: async ({ data, position }) => { await file.write(data, 0, data.length, position) } }))
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: FAST_START[layout] }), target })
  const [videoOut, audioOut] = [new EncodedVideoPacketSource('avc'), new EncodedAudioPacketSource('aac')]
  output.addVideoTrack(videoOut)
  output.addAudioTrack(audioOut)
  await output.start()
  const [videoPackets, audioPackets] = [await Array.fromAsync(new EncodedPacketSink(video).packets()), await Array.fromAsync(new EncodedPacketSink(audio).packets())]
  const whole = audioPackets.filter(({ timestamp }) => timestamp >= 0 && timestamp < BASE_SECONDS - 0.03)
  for (let round = 0; round < seconds / BASE_SECONDS; round++) {
    const meta = { video: { decoderConfig: videoConfig }, audio: { decoderConfig: audioConfig } }
    // A group of pictures, then its sound: about as an encoder would interleave them.
    for (let start = 0; start < BASE_SECONDS; start += KEY_FRAME_SECONDS) {
      const isNow = ({ timestamp }: { timestamp: number }) => timestamp >= start && timestamp < start + KEY_FRAME_SECONDS
      for (const packet of videoPackets.filter(isNow)) await videoOut.add(packet.clone({ timestamp: packet.timestamp + round * BASE_SECONDS }), meta.video)
      for (const packet of whole.filter(isNow)) await audioOut.add(packet.clone({ timestamp: packet.timestamp + round * BASE_SECONDS }), meta.audio)
    }
  }
  await output.finalize()
  await file.close()
  input.dispose()
}
