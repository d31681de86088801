// Which pipeline: the menu at the top and the list in the panel say the same, and both follow what really runs.

import { GraphSwitch } from "./graph-switch.js";
import { PipelineList } from "./pipelines.js";

export class GraphChoice {
  constructor({ t, onChoose }) {
    const choose = (name) => {
      if (this.running === null) this.show(name, false);
      onChoose(name);
    };
    this.menu = new GraphSwitch({ t, onChoose: choose });
    this.list = new PipelineList({ t, onChoose: choose });
    this.running = null;
  }

  get name() {
    return this.menu.name;
  }

  offer({ graphs, default: preset }, chosen) {
    this.menu.offer(graphs);
    this.list.offer(graphs);
    const name = graphs.some((graph) => graph.name === chosen && graph.available) ? chosen : preset;
    this.show(this.running ?? name, this.running !== null);
  }

  speak(language) {
    for (const view of [this.menu, this.list]) view.speak(language);
  }

  runs(name) {
    this.running = name;
    this.show(name, true);
  }

  /** No conversation: what is shown is what the next one gets. */
  rests() {
    this.running = null;
    this.show(this.name, false);
  }

  refused() {
    if (this.running !== null) this.show(this.running, true);
  }

  show(name, isRunning) {
    this.menu.choose(name);
    this.list.mark(name, isRunning);
  }
}
