// Conversions between the wire's 16-bit samples and the audio graph's floats, and the one loudness measure that the page shows.

export function floatToInt16(samples) {
  const out = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i += 1) {
    const clipped = Math.max(-1, Math.min(1, samples[i]));
    out[i] = Math.round(clipped * 32767);
  }
  return out;
}

export function int16ToFloat(samples) {
  const out = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i += 1) out[i] = samples[i] / 32768;
  return out;
}

export function rms(samples) {
  if (samples.length === 0) return 0;
  let sum = 0;
  for (let i = 0; i < samples.length; i += 1) sum += samples[i] * samples[i];
  return Math.sqrt(sum / samples.length);
}

/** Loudness as the eye expects it: 0 at -60 dBFS and below, 1 at -12 dBFS and above. */
export function visibleLevel(rmsValue) {
  if (rmsValue <= 0) return 0;
  const db = 20 * Math.log10(rmsValue);
  return Math.max(0, Math.min(1, (db + 60) / 48));
}
