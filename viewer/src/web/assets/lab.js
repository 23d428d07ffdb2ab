// The lab page: a form, a run, its results.

import { Form } from "./lab-form.js";
import { Picture } from "./lab-picture.js";
import { ProblemLine } from "./lab-problem.js";
import { Results } from "./lab-results.js";
import { RunWatch, cancelRun, startRun } from "./lab-run.js";
import { Variants } from "./lab-variants.js";
import { ask } from "./api.js";
import { duration } from "./format.js";
import { say, sayOrHide } from "./dom.js";

const at = (id) => document.getElementById(id);
const problem = new ProblemLine(at("problem"), at("run-part"));
const results = new Results(at("results"), at("columns"), at("brighter"), at("figures"));
const watch = new RunWatch(showRun, (error) => {
  idle();
  problem.show(error);
});
let [picture, form, variants] = [null, null, null];

function idle() {
  at("run").disabled = false;
  at("cancel").disabled = true;
}

function busy() {
  at("run").disabled = true;
  at("cancel").disabled = false;
}

const STATES = { running: "Running", done: "Done", cancelled: "Cancelled" };

function showRun(run) {
  results.show(run);
  if (run.state === "running") return say(at("run-state"), "Running. The results appear below as they come.");
  idle();
  say(at("run-state"), `${STATES[run.state] ?? run.state} after ${duration(run.elapsed_ms)}.`);
}

async function run(event) {
  event.preventDefault();
  problem.clear();
  const wrong = picture.lacking() ?? form.wrong() ?? variants.wrong();
  if (wrong) return problem.show(wrong.error, wrong.place, wrong.input);
  busy();
  say(at("run-state"), "Starting.");
  try {
    const started = await startRun({ picture: picture.id, ...form.values(), variants: variants.values() });
    // The address names the run, so that a reload shows it again.
    history.replaceState(null, "", `#run=${encodeURIComponent(started.id)}`);
    results.clear();
    watch.follow(started);
    at("results-title").focus();
  } catch (error) {
    idle();
    say(at("run-state"), "");
    problem.show(error);
  }
}

async function cancel() {
  at("cancel").disabled = true;
  try {
    await cancelRun(watch.id);
    await watch.look();
  } catch (error) {
    problem.show(error);
    // It may still run, and may still be cancelled.
    at("cancel").disabled = !watch.running;
  }
}

/// A run that the address names: of before a reload.
async function resume() {
  const named = /^#run=([\w-]+)$/.exec(location.hash);
  if (!named) return;
  try {
    const found = await ask(`/api/lab/runs/${named[1]}`);
    picture.take(found.picture);
    form.fill(found);
    variants.fill(found.variants);
    if (found.state === "running") busy();
    watch.follow(found);
  } catch (error) {
    history.replaceState(null, "", location.pathname);
    if (error.status !== 404) problem.show(error);
  }
}

async function start() {
  let lab;
  try {
    lab = await ask("/api/lab");
  } catch (error) {
    return sayOrHide(at("unavailable"), `${error.message} Then reload this page.`);
  }
  picture = new Picture(lab, problem, (size) => form.pictureSize(size));
  form = new Form(lab);
  variants = new Variants(at("variants"), at("add"), at("variants-hint"), lab);
  if (!lab.available) return sayOrHide(at("unavailable"), `The lab is not available: ${lab.reason}`);
  at("controls").disabled = false;
  at("form").addEventListener("submit", run);
  at("cancel").addEventListener("click", cancel);
  await resume();
}

start();
