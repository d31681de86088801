// The server's clock as seen from here: the offset measured by the fastest of the recent pings, and the round trip itself. Pure.

const KEEP = 12;

export class ClockSync {
  constructor() {
    this.samples = [];
  }

  pong({ sentMs, receivedMs, serverMs }) {
    this.samples.push({ rttMs: receivedMs - sentMs, offsetMs: serverMs - (sentMs + receivedMs) / 2 });
    if (this.samples.length > KEEP) this.samples.shift();
  }

  get best() {
    return this.samples.reduce((a, b) => (a === null || b.rttMs < a.rttMs ? b : a), null);
  }

  get rttMs() {
    return this.best ? this.best.rttMs : null;
  }

  toLocal(serverMs) {
    return this.best ? serverMs - this.best.offsetMs : null;
  }
}
