//! `blindsight bench --plan`: what pooling takes, without doing it.

use super::report::number;
use cipherframe::scheme::tfhe::circuit::Purpose;
use cipherframe::scheme::tfhe::report::{PlanReport, plan_report};
use cipherframe::{SchemeId, StreamSpec};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use wire::failure::{Failure, FailureKind};
use wire::stdout;

/// Prints the plan of a stream of scheme tfhe.
pub(crate) fn run(spec: &StreamSpec, as_json: bool) -> Result<(), Failure> {
    if spec.scheme() != SchemeId::Tfhe {
        return Err(Failure::new(
            FailureKind::Usage,
            format!("scheme {} has no bootstraps to plan", spec.scheme()),
            "use --scheme tfhe with --plan",
        ));
    }
    let report = plan_report(spec);
    if as_json {
        stdout::line(json(spec, &report));
    } else {
        stdout::line(text(spec, &report));
    }
    Ok(())
}

fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Maximum => "maximum",
        Purpose::Refresh => "refresh",
        Purpose::Comparison => "comparison",
        Purpose::Selection => "selection",
        Purpose::Lookup => "lookup",
    }
}

fn json(spec: &StreamSpec, report: &PlanReport) -> Value {
    let purposes = report.bootstraps.iter();
    let purposes = purposes.map(|(purpose, count)| (name(*purpose).to_owned(), json!(count)));
    let mut object = json!({
        "stream": spec.to_string(),
        "parameter_set": spec.scheme().get().parameter_set(spec.pool().kernel()),
        "tiles": report.tiles,
        "windows": report.windows,
        "rounds": report.rounds,
        "pbs": report.bootstrap_count(),
        "pbs_by_purpose": purposes.collect::<Map<String, Value>>(),
        "pbs_per_window": number(report.bootstraps_per_window()),
        "largest_squared_norm": report.largest_squared_norm,
        "largest_deviation": report.largest_deviation,
        "log2_decryption_failure": report.log2_decryption_failure,
        "log2_window_failure": report.log2_window_failure,
        "log2_frame_failure": report.log2_frame_failure,
    });
    // Without bootstraps this is minus infinity, which is no JSON number.
    if report.log2_bootstrap_failure.is_finite() {
        object["log2_bootstrap_failure"] = json!(report.log2_bootstrap_failure);
    }
    object
}

fn text(spec: &StreamSpec, report: &PlanReport) -> String {
    let mut text = format!("{spec}\n");
    let mut line = |what: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {what:<22} {value}");
    };
    line(
        "windows",
        format!("{}, tiles {}", report.windows, report.tiles),
    );
    line(
        "bootstraps",
        format!(
            "{}, {:.3} per window",
            report.bootstrap_count(),
            report.bootstraps_per_window()
        ),
    );
    for (purpose, count) in &report.bootstraps {
        line(&format!("  {}", name(*purpose)), count.to_string());
    }
    if report.bootstrap_count() > 0 {
        let rounds = report.rounds.iter().map(ToString::to_string);
        let rounds = rounds.collect::<Vec<_>>().join(" ");
        line(
            "rounds of a tile",
            format!("{}: {rounds}", report.rounds.len()),
        );
        line(
            "largest squared norm",
            format!(
                "{:.2} times a bootstrap's own variance",
                report.largest_squared_norm
            ),
        );
        line(
            "largest noise",
            format!("1/{:.2} of what fails", 1.0 / report.largest_deviation),
        );
        line(
            "failure probability",
            format!("2^{:.1} per bootstrap", report.log2_bootstrap_failure),
        );
    }
    for (log2, of) in [
        (report.log2_decryption_failure, "decryption"),
        (report.log2_window_failure, "window"),
        (report.log2_frame_failure, "frame"),
    ] {
        line("failure probability", format!("2^{log2:.1} per {of}"));
    }
    text.truncate(text.trim_end().len());
    text
}
