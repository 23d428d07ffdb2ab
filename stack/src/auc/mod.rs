//! `blindsight auc`: how well the anomaly detector ranks labelled footage.
//!
//! It learns from `DIR/train`, scores the clips that `DIR/labels.csv` names, and prints the area under the receiver
//! operating characteristic over all their frames. Every frame goes through encryption, pooling on the ciphertext and
//! decryption, unless scheme plain is asked for.
//!
//! - [`labels`] reads `labels.csv`; [`encrypted`] pools one frame under encryption

mod encrypted;
mod labels;

use crate::footage;
use crate::progress::Step;
use camera_node::Feature;
use cipherframe::{PoolSpec, Quantiser, SchemeId, StreamSpec};
use clap::Args as ClapArgs;
use encrypted::Pooling;
use labels::{LabelledClip, read_labels};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use viewer::anomaly::{OFFLINE_WINDOW, Scorer, auc, centred};
use wire::failure::{Failure, FailureKind};
use wire::stdout;

/// The stream that the detector's settings were chosen on.
const WIDTH: u32 = 96;
const HEIGHT: u32 = 64;
const LEVELS: [u8; 3] = [8, 20, 45];

/// Options of `blindsight auc`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// A folder with train/CLIP/IMAGE, test/CLIP/IMAGE and labels.csv
    dir: PathBuf,
    /// The scheme that frames are encrypted with; plain only with --insecure-plain
    #[arg(long, default_value = "bfv")]
    scheme: SchemeId,
    /// Allow scheme plain, which encrypts nothing
    #[arg(long)]
    insecure_plain: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// The scores of a clip.
struct Scores {
    raw: Vec<f64>,
    causal: Vec<f64>,
    centred: Vec<f64>,
}

/// Learns, scores and prints.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let labelled = read_labels(&args.dir.join("labels.csv"))?;
    if args.scheme == SchemeId::Plain && !args.insecure_plain {
        return Err(Failure::new(
            FailureKind::Usage,
            "scheme plain encrypts nothing",
            "pass --insecure-plain as well, or take scheme bfv",
        ));
    }
    let bug = |error: &dyn std::error::Error| Failure::of(FailureKind::Bug, error);
    let quantiser = Quantiser::from_thresholds(LEVELS.to_vec()).map_err(|error| bug(&error))?;
    let pool = PoolSpec::new(2, 2, 0).map_err(|error| bug(&error))?;
    let spec = StreamSpec::new(args.scheme, WIDTH, HEIGHT, quantiser, pool);
    let spec = spec.map_err(|error| bug(&error))?;
    let pooling = Pooling::new(&spec)?;

    let step = Step::start("learning from train");
    let train = args.dir.join("train");
    let trainer = footage::learn(&train, &spec, Feature::Motion, |frame| pooling.pool(frame))?;
    let model = trainer.model();
    let model = Arc::new(model.map_err(|error| Failure::of(FailureKind::BadData, &error))?);
    step.finish();

    let step = Step::start("scoring test");
    let mut clips = Vec::new();
    for labelled in &labelled {
        let folder = args.dir.join(&labelled.clip);
        let mut scorer = Scorer::new(model.clone());
        let (mut raw, mut causal) = (Vec::new(), Vec::new());
        footage::each(&folder, &spec, Feature::Motion, |frame| {
            let score = scorer.score(&pooling.pool(&frame.quantised)?);
            let score = score.map_err(|error| bug(&error))?;
            raw.push(score.raw);
            causal.push(score.value);
            Ok(())
        })?;
        labelled.check(raw.len())?;
        let centred = centred(&raw, OFFLINE_WINDOW);
        clips.push((
            labelled,
            Scores {
                raw,
                causal,
                centred,
            },
        ));
    }
    step.finish();
    print(args.json, &spec, (model.clips(), model.maps()), &clips);
    Ok(())
}

/// Prints the area of each clip and of all frames together.
fn print(json: bool, spec: &StreamSpec, trained: (u64, u64), clips: &[(&LabelledClip, Scores)]) {
    let mut all = Scores {
        raw: Vec::new(),
        causal: Vec::new(),
        centred: Vec::new(),
    };
    let mut labels = Vec::new();
    let mut lines = Vec::new();
    for (labelled, scores) in clips {
        let own = labelled.labels(scores.raw.len());
        lines.push((labelled.clip.clone(), areas(scores, &own), own.len()));
        labels.extend(own);
        all.raw.extend(&scores.raw);
        all.causal.extend(&scores.causal);
        all.centred.extend(&scores.centred);
    }
    lines.push(("all".to_owned(), areas(&all, &labels), labels.len()));
    if json {
        let clips: Vec<Value> = lines
            .iter()
            .map(|(clip, [raw, causal, centred], frames)| {
                json!({ "clip": clip, "frames": frames, "auc_raw": raw, "auc_causal": causal, "auc_centred": centred })
            })
            .collect();
        let (train_clips, train_maps) = trained;
        let report = json!({ "stream": spec.to_string(), "train_clips": train_clips, "train_maps": train_maps,
            "clips": clips });
        stdout::line(report);
        return;
    }
    stdout::line(format!("stream: {spec}, motion"));
    stdout::line(format!("learned: {} clips, {} maps", trained.0, trained.1));
    stdout::line("clip           frames     raw  causal  centred");
    for (clip, areas, frames) in lines {
        let [raw, causal, centred] =
            areas.map(|area| area.map_or("-".to_owned(), |area| format!("{area:.4}")));
        stdout::line(format!(
            "{clip:<14} {frames:>6}  {raw:>6}  {causal:>6}  {centred:>7}"
        ));
    }
}

/// Raw, causal and centred; `None` where all frames have the same label.
fn areas(scores: &Scores, labels: &[bool]) -> [Option<f64>; 3] {
    [&scores.raw, &scores.causal, &scores.centred].map(|scores| auc(scores, labels))
}
