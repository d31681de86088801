// Streaming sample-rate conversion by a polyphase windowed sinc. Pure; used inside both audio worklets.
//
// A context that runs at the device's own rate keeps one clock for microphone and loudspeaker (and lets echo cancellation work);
// asking the browser for another rate is refused by some and silently ignored by others. So the conversion is ours.

const ZERO_CROSSINGS = 16;
const PASS_BAND = 0.92;

function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b);
}

function blackman(x) {
  return 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}

/** One row of coefficients per output phase, each row normalised to unit gain so that silence and DC stay what they were. */
function buildPhases(phases, halfWidth, cutoff) {
  const taps = 2 * halfWidth;
  const table = [];
  for (let phase = 0; phase < phases; phase += 1) {
    const row = new Float32Array(taps);
    let sum = 0;
    for (let tap = 0; tap < taps; tap += 1) {
      const distance = tap - halfWidth + 1 - phase / phases;
      const x = distance * cutoff;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      row[tap] = Math.abs(distance) > halfWidth ? 0 : sinc * blackman(distance / halfWidth);
      sum += row[tap];
    }
    for (let tap = 0; tap < taps; tap += 1) row[tap] /= sum;
    table.push(row);
  }
  return table;
}

export class Resampler {
  constructor(inputRateHz, outputRateHz) {
    const divisor = gcd(inputRateHz, outputRateHz);
    this.step = inputRateHz / divisor;
    this.phases = outputRateHz / divisor;
    this.identity = inputRateHz === outputRateHz;
    const cutoff = PASS_BAND * Math.min(1, outputRateHz / inputRateHz);
    this.halfWidth = Math.ceil(ZERO_CROSSINGS / cutoff);
    this.table = this.identity ? [] : buildPhases(this.phases, this.halfWidth, cutoff);
    this.delayMs = this.identity ? 0 : (this.halfWidth / inputRateHz) * 1000;
    this.reset();
  }

  reset() {
    this.history = new Float32Array(2 * this.halfWidth - 1);
    this.phase = 0;
    this.offset = 0;
  }

  process(samples) {
    if (this.identity) return samples.slice();
    const joined = new Float32Array(this.history.length + samples.length);
    joined.set(this.history);
    joined.set(samples, this.history.length);
    const taps = 2 * this.halfWidth;
    const out = new Float32Array(Math.ceil(((joined.length + 1) * this.phases) / this.step) + 1);
    let count = 0;
    let at = this.offset;
    while (at + taps <= joined.length) {
      const row = this.table[this.phase];
      let sum = 0;
      for (let tap = 0; tap < taps; tap += 1) sum += joined[at + tap] * row[tap];
      out[count] = sum;
      count += 1;
      this.phase += this.step;
      at += Math.floor(this.phase / this.phases);
      this.phase %= this.phases;
    }
    const keepFrom = Math.min(at, joined.length);
    this.history = joined.slice(keepFrom);
    this.offset = at - keepFrom;
    return out.subarray(0, count);
  }

  /** The tail that still sits in the filter when a stream ends. */
  flush() {
    if (this.identity) return new Float32Array(0);
    const tail = this.process(new Float32Array(this.halfWidth));
    this.reset();
    return tail;
  }
}
