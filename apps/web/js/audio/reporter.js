// Turns the playout worklet's progress into the protocol's playout reports: at every change at once, while playing every 100 ms. Pure.
//
// While a reply plays, what was heard is what left the buffer less the latency of the device. After a pause, a cut or the end, everything
// that left the buffer still reaches the ear, so those reports count it all.

const EVERY_MS = 100;

export class PlayoutReporter {
  constructor(send) {
    this.send = send;
    this.requests = new Map();
    this.lastSentMs = -Infinity;
  }

  opened(generation, requestId) {
    this.requests.set(generation, requestId);
  }

  event({ state, generation, playedMs, bufferedMs }, nowMs) {
    this.report(state, generation, playedMs, bufferedMs, nowMs);
    if (state === "finished" || state === "dropped") this.requests.delete(generation);
  }

  progress({ state, generation, playedMs, bufferedMs }, latencyMs, nowMs) {
    if (state !== "playing" || nowMs - this.lastSentMs < EVERY_MS) return;
    this.report("playing", generation, Math.max(0, playedMs - latencyMs), bufferedMs, nowMs);
  }

  report(state, generation, playedMs, bufferedMs, nowMs) {
    this.lastSentMs = nowMs;
    const report = {
      type: "playout",
      generation,
      played_ms: Math.round(playedMs * 10) / 10,
      buffered_ms: Math.round(bufferedMs * 10) / 10,
      state,
      client_ts_ms: nowMs,
    };
    if (this.requests.has(generation)) report.request_id = this.requests.get(generation);
    this.send(report);
  }
}
