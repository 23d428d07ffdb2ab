//! `blindsight demo`: the whole stack in one process, over real MQTT on loopback.
//!
//! - [`streams`] says which streams there are, one camera each
//! - [`plan`] configures the nodes on keys of the data folder, [`nodes`] starts and stops them
//! - [`normal`] learns what is normal
//! - [`room`] sizes the broker
//! - [`gate`] holds a camera back while its maps are not printed; [`one_voice`] lets one of them say what is wrong with a
//!   file
//! - [`tally`] counts frames and maps and compares them with plaintext pooling
//! - [`screen`] prints each map and the summary

mod gate;
mod nodes;
mod normal;
mod one_voice;
mod plan;
mod room;
mod screen;
mod streams;
mod tally;

use crate::data_folder::DataFolder;
use crate::stream_args::StreamArgs;
use camera_node::source::{FolderSource, Repeat};
use camera_node::{CameraEvent, Feature};
use cipherframe::failure_report;
use clap::Args as ClapArgs;
use nodes::{Event, Running};
use one_voice::OneVoice;
use plan::Plan;
use screen::{Printer, Screen};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use streams::Choice;
use tally::Tally;
use viewer::{AnomalyConfig, ViewerEvent, WebConfig};
use wire::config::{LogConfig, LogFormat, LogLevel};
use wire::failure::{Failure, FailureKind};
use wire::name::Name;
use wire::shutdown::{Shutdown, run_until_signals};
use wire::telemetry;

/// How long maps may still come in after the last camera has ended.
const LAST_MAPS: Duration = Duration::from_secs(5);

/// Options of `blindsight demo`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Streams by their scheme: bfv (`live`), tfhe (`compact`) or both of them; or plain, with --insecure-plain
    #[arg(long, default_value = "both")]
    scheme: Choice,
    #[command(flatten)]
    stream: StreamArgs,
    /// What a pixel is: luma, or motion, the difference from the frame before
    #[arg(long)]
    feature: Option<Feature>,
    /// A folder of images and videos; its sub-folders and its videos are clips
    #[arg(long, default_value = "samples")]
    video: PathBuf,
    /// End after this many frames of each camera [default: go on until Ctrl-C]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// Frames per second of each camera at most; its receipts may hold it back
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
    /// A folder for the maps, as maps/<camera>/<session>/<seq>.png
    #[arg(long)]
    out: Option<PathBuf>,
    /// The folder with the keys, made on first start
    #[arg(long, default_value = "blindsight-data")]
    data: PathBuf,
    /// Where the web page is served, on this machine only [default: 127.0.0.1:8470, or a free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    web: Option<SocketAddr>,
    /// Ordinary footage, to know what is unusual in the stream `live` [default: samples/1-walk with the samples, else the first minute]
    #[arg(long, value_name = "DIR")]
    normal: Option<PathBuf>,
    /// Draw no pictures, and serve no web page unless --web says where
    #[arg(long)]
    headless: bool,
    /// Compare every map with plaintext pooling of the very same quantised frame
    #[arg(long)]
    verify: bool,
    /// Print JSON on stdout: an object for each map, and a summary
    #[arg(long)]
    json: bool,
    /// Log more (-v: the nodes' own lines, -vv: everything)
    #[arg(short, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// Runs the demo to its end. Fails if anything was lost or mismatched.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let level = match args.verbose {
        0 => LogLevel::Warn,
        1 => LogLevel::Info,
        _ => LogLevel::Debug,
    };
    telemetry::init(LogConfig {
        format: LogFormat::Human,
        level,
    })?;
    let mut plan = Plan {
        streams: args.scheme.streams(&args.stream, args.feature)?,
        data: DataFolder::new(&args.data),
        out: args.out.clone(),
        web: web(args)?,
        anomaly: AnomalyConfig::default(),
        insecure_plain: args.stream.insecure_plain,
        frames: args.frames,
    };
    let interval = Some(interval(args.fps)?);
    // A missing folder is said before minutes go into keys.
    let voice = OneVoice::default();
    let open = |_| {
        let source = FolderSource::open(&args.video, interval, Repeat::Forever)?;
        Ok::<_, Failure>(voice.of(source))
    };
    let sources = plan.streams.iter().map(open);
    let sources = sources.collect::<Result<Vec<_>, Failure>>()?;
    let normal = normal::folder(args.normal.as_deref(), &args.video);
    plan.anomaly = normal::watch(normal.as_deref(), &plan.streams)?;
    plan.data.complete(&plan.schemes(), &plan.nodes())?;
    for stream in &plan.streams {
        let (camera, spec, feature) = (&stream.camera, &stream.spec, stream.feature);
        eprintln!("{camera}: {spec}, {feature}; {}", failure_report(spec));
    }

    let cameras = plan.streams.iter().map(|stream| stream.camera.clone());
    let tally = Tally::new(args.verify, cameras);
    run_until_signals(|shutdown| async {
        let running = Running::start(&plan, sources, &shutdown).await?;
        let printer = Printer::start(Screen::new(args.json, args.headless));
        watch(running, tally, printer, shutdown).await
    })
}

/// Prints what happens until every camera has ended and its last map is in.
async fn watch(
    mut running: Running,
    mut tally: Tally,
    printer: Printer,
    shutdown: Shutdown,
) -> Result<(), Failure> {
    let mut deadline = None;
    loop {
        let event = tokio::select! {
            biased;
            // Everything drains at once, so that Ctrl-C ends the demo within 5 s.
            () = shutdown.cancelled() => break,
            event = running.next_event() => event?,
            () = until(deadline) => break,
        };
        match event {
            Event::Camera(event) => {
                tally.camera(&event);
                if let CameraEvent::GivenUp { frame } = &event {
                    running.frame_done(&frame.camera);
                }
            }
            Event::Viewer(
                ViewerEvent::Unreadable { frame, .. } | ViewerEvent::Incomplete { frame, .. },
            ) => running.frame_done(&frame.camera),
            Event::Viewer(ViewerEvent::Serving { address }) => {
                eprintln!("the page is at http://{address}/");
            }
            // The page's lab is no stream of the demo.
            Event::Viewer(ViewerEvent::Map { frame, .. }) if frame.camera.as_str() == plan::LAB => {
            }
            Event::Viewer(event) => {
                if let Some(map) = tally.viewer(event) {
                    let camera = map.frame.camera.clone();
                    tokio::select! {
                        biased;
                        () = shutdown.cancelled() => break,
                        () = printer.map(map) => running.frame_done(&camera),
                    }
                }
            }
            Event::CameraEnded(camera, summary) => {
                // A frame whose receipt never came will give no map either.
                tally.camera_ended(&camera, &summary);
                if tally.has_ended() {
                    deadline = Some(Instant::now() + LAST_MAPS);
                }
            }
        }
        if deadline.is_some() && tally.is_complete() {
            break;
        }
    }
    let interrupted = shutdown.is_cancelled();
    running.stop().await?;
    let summary = tally.summary(interrupted);
    let problem = summary.problem();
    printer.finish(summary).await;
    match problem {
        None => Ok(()),
        Some(problem) => Err(Failure::new(
            FailureKind::BadData,
            problem,
            "run it again with -v and look at the first warning",
        )),
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Where the page is served, if it is.
fn web(args: &Args) -> Result<Option<WebConfig>, Failure> {
    let listen = match args.web {
        Some(listen) if !listen.ip().is_loopback() => {
            return Err(Failure::new(
                FailureKind::Usage,
                format!("--web {listen} can be reached from other machines"),
                "give an address of 127.0.0.1; a viewer with a configuration file can ask for a token",
            ));
        }
        Some(listen) => listen,
        None if args.headless => return Ok(None),
        None => {
            let usual = WebConfig::default().listen;
            match TcpListener::bind(usual) {
                Ok(_) => usual,
                Err(_) => SocketAddr::new(usual.ip(), 0),
            }
        }
    };
    Ok(Some(WebConfig {
        listen,
        ..WebConfig::default()
    }))
}

fn interval(fps: f64) -> Result<Duration, Failure> {
    if (0.01..=240.0).contains(&fps) {
        Ok(Duration::from_secs_f64(1.0 / fps))
    } else {
        Err(Failure::new(
            FailureKind::Usage,
            format!("--fps {fps} is out of range"),
            "give 0.01 to 240",
        ))
    }
}

/// A name that stands in this module.
fn name(text: &'static str) -> Name {
    text.parse()
        .expect("the names of the demo's nodes are valid")
}
