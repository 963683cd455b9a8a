/** What SDR shows as white, in nits, and the display that HLG is graded for. */
const SDR_WHITE_NITS = 203
const HLG_PEAK_NITS = 1000
const HLG_SYSTEM_GAMMA = 1.2
/** Up to here light stays as it is; all that is brighter is pressed into the rest. */
const KNEE = 0.75
/** Entries of the curves: signals have 10 or 12 bits, results 8. */
const SIGNAL_STEPS = 4096
const LIGHT_STEPS = 4096

export type ToneMap = (out: Uint8ClampedArray, at: number, rgb: { readonly red: number; readonly green: number; readonly blue: number }) => void

/** Turns BT.2020 HDR signals (0..255) into sRGB, or null for a transfer that needs no such thing. */
export function toneMapOf(transfer: string | null): ToneMap | null {
  if (transfer === 'pq' || transfer === 'smpte2084') return mapWith(curve(pqToLight), () => 1)
  if (transfer === 'hlg' || transfer === 'arib-std-b67') return mapWith(curve(hlgToLight), hlgGain)
  return null
}

function mapWith(toLight: Float32Array, gain: (luminance: number) => number): ToneMap {
  const toSignal = Uint8Array.from({ length: LIGHT_STEPS + 1 }, (_, i) => Math.round(255 * srgb(i / LIGHT_STEPS)))
  const lightOf = (signal: number): number => toLight[Math.max(0, Math.min(SIGNAL_STEPS, Math.round((signal * SIGNAL_STEPS) / 255)))]
  const signalOf = (light: number): number => toSignal[Math.max(0, Math.min(LIGHT_STEPS, Math.round(light * LIGHT_STEPS)))]
  return (out, at, { red, green, blue }) => {
    const [r, g, b] = [lightOf(red), lightOf(green), lightOf(blue)]
    const bright = gain(0.2627 * r + 0.678 * g + 0.0593 * b)
    const wideRed = (1.6605 * r - 0.5876 * g - 0.0728 * b) * bright
    const wideGreen = (-0.1246 * r + 1.1329 * g - 0.0083 * b) * bright
    const wideBlue = (-0.0182 * r - 0.1006 * g + 1.1187 * b) * bright
    const peak = Math.max(wideRed, wideGreen, wideBlue)
    // By the brightest channel for all three: hues stay.
    const press = peak > KNEE ? (KNEE + (1 - KNEE) * (1 - Math.exp((KNEE - peak) / (1 - KNEE)))) / peak : 1
    out[at] = signalOf(wideRed * press)
    out[at + 1] = signalOf(wideGreen * press)
    out[at + 2] = signalOf(wideBlue * press)
  }
}

const curve = (light: (signal: number) => number): Float32Array => Float32Array.from({ length: SIGNAL_STEPS + 1 }, (_, i) => light(i / SIGNAL_STEPS))

/** SMPTE ST 2084, in units of SDR white. */
function pqToLight(signal: number): number {
  const power = signal ** (32 / 2523)
  return (10_000 / SDR_WHITE_NITS) * (Math.max(0, power - 3424 / 4096) / (2413 / 128 - (2392 / 128) * power)) ** (8192 / 1305)
}

/** BT.2100 HLG, scene light 0..1. */
const hlgToLight = (signal: number): number => (signal <= 0.5 ? signal ** 2 / 3 : (Math.exp((signal - 0.559_910_73) / 0.178_832_77) + 0.284_668_92) / 12)

const hlgGain = (luminance: number): number => (HLG_PEAK_NITS / SDR_WHITE_NITS) * luminance ** (HLG_SYSTEM_GAMMA - 1)

const srgb = (light: number): number => (light <= 0.003_130_8 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055)
