// The microphone's end on the audio thread: 20 ms frames at the negotiated rate, posted with the audio clock's time of their last sample.

import { CaptureFramer } from "./capture-framer.js";

class CaptureProcessor extends AudioWorkletProcessor {
  constructor(options) {
    super();
    const { outputRateHz, frameMs } = options.processorOptions;
    this.framer = new CaptureFramer({ inputRateHz: sampleRate, outputRateHz, frameMs });
    this.closed = false;
    this.port.onmessage = () => {
      this.closed = true;
    };
  }

  process(inputs) {
    const channel = inputs[0][0];
    if (!channel) return !this.closed;
    const endTime = currentTime + channel.length / sampleRate;
    for (const { pcm, level } of this.framer.push(channel)) {
      this.port.postMessage({ pcm, level, endTime }, [pcm.buffer]);
    }
    return !this.closed;
  }
}

registerProcessor("capture", CaptureProcessor);
