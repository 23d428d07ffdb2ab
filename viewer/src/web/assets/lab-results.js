// The columns of a run, side by side.

import { Column } from "./lab-column.js";

export class Results {
  constructor(section, columns, brighter, figures) {
    this.section = section;
    this.figures = figures;
    this.node = columns;
    this.columns = [];
    // Differences of a few grey levels are all but black; by how much they are brightened is said beside the box.
    const brighten = () => columns.classList.toggle("brighter", brighter.checked);
    brighter.addEventListener("change", brighten);
    brighten();
  }

  clear() {
    this.id = null;
  }

  show(run) {
    if (this.id !== run.id) {
      this.id = run.id;
      this.columns = run.variants.map((_, index) => new Column(run, index));
      this.node.replaceChildren(...this.columns.map((column) => column.node));
      this.figures.href = `/api/lab/runs/${encodeURIComponent(run.id)}/figures.csv`;
      this.section.hidden = false;
    }
    for (const column of this.columns) column.show(run);
  }
}
