//! `blindsight bench`: encrypts, pools and decrypts one frame in this process and says what each step costs.

mod calibration;
mod clock;
mod error;
mod frame;
mod measure;
mod plan;
mod report;

use crate::stream_args::{Defaults, StreamArgs};
use cipherframe::SchemeId;
use clap::Args as ClapArgs;
use std::path::PathBuf;
use wire::failure::{Failure, FailureKind};
use wire::stdout;

/// Options of `blindsight bench`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Scheme: bfv or tfhe (or plain, with --insecure-plain)
    #[arg(long, default_value = "tfhe")]
    scheme: SchemeId,
    #[command(flatten)]
    stream: StreamArgs,
    /// Threads to make keys and pool with [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
    /// Measure one keyswitch + bootstrap (pbs_ms) with any scheme, not only with tfhe
    #[arg(long)]
    calibrate: bool,
    /// Folder whose first picture is pooled, instead of noise
    #[arg(long, value_name = "DIR")]
    video: Option<PathBuf>,
    /// Print what pooling would take and how likely it is to fail, and run nothing (scheme tfhe)
    #[arg(long, conflicts_with_all = ["threads", "calibrate", "video"])]
    plan: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// Runs the bench and prints its report.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let spec = args.stream.spec(args.scheme, &Defaults::SMALL)?;
    if args.plan {
        return plan::run(&spec, args.json);
    }
    let threads = match args.threads {
        Some(0) => {
            return Err(Failure::new(
                FailureKind::Usage,
                "--threads 0 leaves nobody to work",
                "give 1 or more",
            ));
        }
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let frame = match &args.video {
        Some(folder) => frame::first_of(folder, &spec)?,
        None => frame::noise(&spec)?,
    };
    let report = measure::measure(&spec, &frame, threads, args.calibrate)?;
    if args.json {
        stdout::line(report.to_json());
    } else {
        stdout::line(&report);
    }
    if report.wrong > 0 {
        return Err(Failure::new(
            FailureKind::BadData,
            format!(
                "{} of {} windows differ from plaintext pooling",
                report.wrong, report.windows
            ),
            "report this with the line above: it must never happen",
        ));
    }
    Ok(())
}
