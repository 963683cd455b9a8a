import {
  BufferTarget, EncodedAudioPacketSource, EncodedVideoPacketSource, MkvOutputFormat, Mp4OutputFormat, Output,
} from 'mediabunny'
import type { AudioCodec, EncodedPacket, Rotation, VideoCodec } from 'mediabunny'

export interface CodedVideo {
  readonly codec: VideoCodec
  readonly config: VideoDecoderConfig
  readonly rotation: Rotation
  /** In decode order, from a key packet on, on the clock of the source. */
  readonly packets: readonly EncodedPacket[]
}

export interface CodedSound {
  readonly codec: AudioCodec
  readonly config: AudioDecoderConfig
  readonly packets: readonly EncodedPacket[]
}

/**
 * The packets, undecoded, as a small MP4 that starts at `start`: the lead-in from the key frame gets negative times, for which an edit
 * list is written, so that players show exactly from there on. Nothing else of the source gets in: no titles, no places, no alpha planes.
 */
export async function remuxToMp4({ video, sound, start }: { video: CodedVideo; sound: CodedSound | null; start: number }): Promise<Uint8Array<ArrayBuffer>> {
  const target = new BufferTarget()
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: 'in-memory' }), target })
  const videoSource = new EncodedVideoPacketSource(video.codec)
  output.addVideoTrack(videoSource, { rotation: video.rotation })
  const soundSource = sound && new EncodedAudioPacketSource(sound.codec)
  if (soundSource) output.addAudioTrack(soundSource)
  await output.start()
  for (const [at, packet] of video.packets.entries()) await videoSource.add(shifted(packet, start), at === 0 ? { decoderConfig: video.config } : undefined)
  if (sound && soundSource) for (const [at, packet] of sound.packets.entries()) await soundSource.add(shifted(packet, start), at === 0 ? { decoderConfig: sound.config } : undefined)
  await output.finalize()
  return new Uint8Array(target.buffer ?? new ArrayBuffer(0))
}

/** The sound alone, in the one container that takes every codec; its first packet is at 0. */
export async function remuxToMatroska({ codec, config, packets }: CodedSound): Promise<Uint8Array<ArrayBuffer>> {
  const target = new BufferTarget()
  const output = new Output({ format: new MkvOutputFormat(), target })
  const source = new EncodedAudioPacketSource(codec)
  output.addAudioTrack(source)
  await output.start()
  for (const [at, packet] of packets.entries()) await source.add(shifted(packet, packets[0]?.timestamp ?? 0), at === 0 ? { decoderConfig: config } : undefined)
  await output.finalize()
  return new Uint8Array(target.buffer ?? new ArrayBuffer(0))
}

const shifted = (packet: EncodedPacket, start: number): EncodedPacket => packet.clone({ timestamp: packet.timestamp - start, sideData: {} })
