//! `blindsight bench`: encrypts, pools and decrypts one frame in this process and says what each step costs.

mod calibration;
mod clock;
mod measure;
mod report;

use crate::stdout;
use crate::stream_args::{Defaults, StreamArgs};
use cipherframe::SchemeId;
use clap::Args as ClapArgs;
use wire::failure::{Failure, FailureKind};

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
    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// Runs the bench and prints its report.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let spec = args.stream.spec(args.scheme, &Defaults::SMALL)?;
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
    let report = measure::measure(&spec, threads, args.calibrate)?;
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
