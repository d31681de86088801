// What the person chose, kept in the browser. Pure but for the storage that is handed in. Only what was chosen is sent to the server:
// everything else is the pipeline's own business.

const KEY = "stream-talk.settings";
const WIRE = ["voice", "rate", "patience", "interruption", "mode"];

export const DEFAULTS = Object.freeze({
  voice: "",
  rate: 1,
  mode: "auto",
  patience: 0.5,
  interruption: "normal",
  microphoneId: "",
  speakerId: "",
  processing: true,
  language: "",
  theme: "",
  shortcuts: true,
  incognito: false,
  graph: "",
});

export class SettingsStore {
  constructor(storage) {
    this.storage = storage;
    this.chosen = this.read();
  }

  read() {
    try {
      const saved = JSON.parse(this.storage.getItem(KEY) ?? "{}");
      return Object.fromEntries(Object.entries(saved).filter(([name, value]) => typeof value === typeof DEFAULTS[name]));
    } catch {
      // Unreadable settings are as good as none: the person can choose again.
      return {};
    }
  }

  get(name) {
    return name in this.chosen ? this.chosen[name] : DEFAULTS[name];
  }

  set(name, value) {
    this.chosen[name] = value;
    this.storage.setItem(KEY, JSON.stringify(this.chosen));
  }

  forWire() {
    return Object.fromEntries(WIRE.filter((name) => name in this.chosen && this.chosen[name] !== "").map((name) => [name, this.chosen[name]]));
  }

  static isForWire(name) {
    return WIRE.includes(name);
  }
}
