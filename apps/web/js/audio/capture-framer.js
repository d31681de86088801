// Cuts the microphone's render quanta into frames of the negotiated rate and length. Pure.

import { Resampler } from "./resampler.js";
import { floatToInt16, rms } from "./pcm.js";

export class CaptureFramer {
  constructor({ inputRateHz, outputRateHz, frameMs }) {
    this.resampler = new Resampler(inputRateHz, outputRateHz);
    this.frameSamples = Math.round((outputRateHz * frameMs) / 1000);
    this.pending = new Float32Array(this.frameSamples);
    this.filled = 0;
  }

  /** Feeds one quantum; returns the frames it completed as `{pcm: Int16Array, level: rms}`. */
  push(quantum) {
    const samples = this.resampler.process(quantum);
    const frames = [];
    let at = 0;
    while (at < samples.length) {
      const take = Math.min(this.frameSamples - this.filled, samples.length - at);
      this.pending.set(samples.subarray(at, at + take), this.filled);
      this.filled += take;
      at += take;
      if (this.filled === this.frameSamples) {
        frames.push({ pcm: floatToInt16(this.pending), level: rms(this.pending) });
        this.filled = 0;
      }
    }
    return frames;
  }
}
