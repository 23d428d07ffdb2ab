// The picture of a run: chosen, dropped or pasted, and sent to the viewer at once, which says what it is.

import { Problem, ask } from "./api.js";
import { bytes } from "./format.js";
import { say } from "./dom.js";

const at = (id) => document.getElementById(id);

export class Picture {
  constructor(lab, problem, sized) {
    this.limit = lab.max_upload_bytes;
    this.problem = problem;
    this.sized = sized;
    this.id = null;
    say(at("picture-hint"), `Choose a file, drop one here, or paste a picture. At most ${this.limit / (1 << 20)} MiB, as ${lab.formats.join(", ")}.`);
    this.input = at("picture");
    this.input.addEventListener("change", () => this.input.files[0] && this.upload(this.input.files[0], false));
    if (lab.available) this.listen();
  }

  listen() {
    const drop = at("drop");
    const held = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    // Beside the field too: a picture that misses it should not replace the page.
    addEventListener("dragover", (event) => held(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!held(event)) return;
      event.preventDefault();
      drop.classList.remove("over");
      if (event.dataTransfer.files[0]) this.upload(event.dataTransfer.files[0]);
    });
    drop.addEventListener("dragover", (event) => held(event) && drop.classList.add("over"));
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])][0];
      if (!file) return;
      event.preventDefault();
      this.upload(file);
    });
  }

  async upload(file, elsewhere = true) {
    this.problem.clear();
    // The field should not go on naming a file that was replaced by a drop or a paste.
    if (elsewhere) this.input.value = "";
    this.uploading?.abort();
    const { signal } = (this.uploading = new AbortController());
    this.forget();
    try {
      if (file.size > this.limit) {
        throw new Problem(`the file has ${bytes(file.size)}, and at most ${bytes(this.limit)} are taken`, "choose a smaller one, or save it smaller");
      }
      this.busy = true;
      say(at("picture-state"), `Sending ${file.name || "the picture"}, ${bytes(file.size)}.`);
      const { id, width, height, format } = await ask(`/api/lab/pictures?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file, signal });
      this.busy = false;
      this.take(id);
      say(at("picture-state"), `${file.name || "Pasted picture"}: ${width} by ${height} pixels, ${format}.`);
      this.sized({ width, height });
    } catch (error) {
      if (error.name === "AbortError") return;
      this.busy = false;
      this.problem.show(error, at("picture-part"));
    }
  }

  forget() {
    this.id = null;
    at("preview").hidden = true;
    say(at("picture-state"), "");
  }

  /// The preview is what the viewer made of the file: any format it reads is shown, also one this browser does not know.
  take(id) {
    this.id = id;
    const preview = at("preview");
    preview.src = `/api/lab/pictures/${encodeURIComponent(id)}.png`;
    preview.alt = "the chosen picture in grey";
    preview.hidden = false;
  }

  lacking() {
    if (this.id) return null;
    const error = this.busy
      ? new Problem("the picture is still being sent", "wait until its size is shown")
      : new Problem("there is no picture yet", "choose, drop or paste one");
    return { error, place: at("picture-part"), input: this.input };
  }
}
