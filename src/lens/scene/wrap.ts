import '@napi-rs/webcodecs/polyfill'
import { AudioSample, AudioSampleSource, BufferTarget, EncodedVideoPacketSource, Mp4OutputFormat, Output } from 'mediabunny'
import type { CodedVideo } from '../media/remux.ts'
import type { Sound } from './soundtrack.ts'

const SOUND_BITRATE = 96_000

/** An MP4 that begins with its tables: H.264 and AAC. */
export async function wrapMp4(video: CodedVideo, { rate, samples }: Sound, { title, framesPerSecond }: { readonly title: string; readonly framesPerSecond: number }): Promise<Uint8Array> {
  const target = new BufferTarget()
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: 'in-memory' }), target })
  const pictures = new EncodedVideoPacketSource(video.codec)
  const sound = new AudioSampleSource({ codec: 'aac', bitrate: SOUND_BITRATE })
  output.addVideoTrack(pictures, { frameRate: framesPerSecond })
  output.addAudioTrack(sound)
  output.setMetadataTags({ title })
  const keepAlive = setInterval(() => {}, 1000) // an encoder at work does not keep Node alive
  try {
    await output.start()
    for (const [at, packet] of video.packets.entries()) await pictures.add(packet, at === 0 ? { decoderConfig: video.config } : undefined)
    for (let start = 0; start < samples.length; start += rate) {
      const second = new AudioSample({ data: samples.slice(start, start + rate), format: 'f32', numberOfChannels: 1, sampleRate: rate, timestamp: start / rate })
      await sound.add(second)
      second.close()
    }
    await output.finalize()
  } finally {
    clearInterval(keepAlive)
  }
  return new Uint8Array(target.buffer ?? new ArrayBuffer(0))
}
