use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use wire::failure::FailureKind;

use super::*;
use crate::config::RtspTransport;

const SECOND: Duration = Duration::from_secs(1);

fn camera(port: u16) -> Rtsp {
    Rtsp::new(&RtspConfig {
        url: format!("rtsp://127.0.0.1:{port}/walk?token=secret")
            .parse()
            .unwrap(),
        login: None,
        transport: RtspTransport::Tcp,
        interval: None,
    })
    .unwrap()
}

fn connect(port: u16) -> Result<RtspShots, Failure> {
    let shots = camera(port).connect(&CancellationToken::new())?;
    Ok(shots.expect("nobody stops it"))
}

/// What a server does with a client.
enum Door {
    Open,
    Closed,
    /// Never answers who wants to play, and has this cancelled instead.
    Jammed(CancellationToken),
}

/// Offers one stream of video to whoever connects first. Gives the methods of the requests once the
/// client has hung up.
fn serve(encoding: &'static str, door: Door) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sdp = format!(
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=walk\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
         a=rtpmap:96 {encoding}/90000\r\na=control:track1\r\n"
    );
    let answer = move |method: &str, door: &Door| match method {
        _ if matches!(door, Door::Closed) => {
            "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"walk\"\r\n".to_owned()
        }
        "DESCRIBE" => format!("200 OK\r\nContent-Type: application/sdp\r\nX-Body: {sdp}"),
        "SETUP" => {
            "200 OK\r\nSession: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n".to_owned()
        }
        _ => "200 OK\r\nSession: 1\r\n".to_owned(),
    };
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut methods = Vec::new();
        while let Some(Ok(first)) = lines.next() {
            let method = first.split(' ').next().unwrap().to_owned();
            let head: Vec<String> = lines
                .by_ref()
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .collect();
            let number = head.iter().find(|line| line.starts_with("CSeq")).unwrap();
            methods.push(method.clone());
            if let (Door::Jammed(stop), "PLAY") = (&door, method.as_str()) {
                stop.cancel();
                continue;
            }
            let answered = answer(&method, &door);
            let (head, body) = answered.split_once("X-Body: ").unwrap_or((&answered, ""));
            let length = body.len();
            write!(
                stream,
                "RTSP/1.0 {head}{number}\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        }
        methods
    });
    (port, serving)
}

#[test]
fn a_camera_that_is_not_there_is_unavailable_and_its_query_is_not_told() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let failure = connect(port).err().unwrap();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    let begins = format!("rtsp://127.0.0.1:{port}/walk cannot be used: ");
    assert!(failure.what.starts_with(&begins), "{failure}");
    assert!(failure.what.contains("refused"), "{failure}");
}

#[test]
fn a_camera_without_h264_is_bad_data() {
    let (port, _) = serve("H265", Door::Open);
    let failure = connect(port).err().unwrap();
    assert_eq!(failure.kind, FailureKind::BadData);
    let what = format!("rtsp://127.0.0.1:{port}/walk offers h265, and no H.264 video");
    assert_eq!(failure.what, what);
}

#[test]
fn a_camera_that_asks_for_a_password_is_a_matter_of_permissions() {
    let (port, _) = serve("H264", Door::Closed);
    let failure = connect(port).err().unwrap();
    assert_eq!(failure.kind, FailureKind::Permissions);
    let what = format!("rtsp://127.0.0.1:{port}/walk refuses the user or the password");
    assert_eq!(failure.what, what);
}

#[test]
fn who_waits_for_an_answer_can_be_stopped() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let connecting = thread::spawn(move || camera(port).connect(&stopped).map(|_| ()));
    let connection = silent.accept().unwrap();
    stop.cancel();
    // Without an answer it would be a failure.
    assert_eq!(connecting.join().unwrap(), Ok(()));
    drop(connection);
}

#[test]
fn a_camera_is_told_when_it_is_over_also_by_async_code() {
    let (port, serving) = serve("H264", Door::Open);
    let mut shots = connect(port).unwrap();
    assert!(matches!(shots.next(), Ok(None)));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async { drop(shots) });
    assert_eq!(
        serving.join().unwrap(),
        ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
    );
}

#[test]
fn a_camera_that_was_asked_to_play_is_told_that_it_is_over_when_that_is_stopped() {
    let stop = CancellationToken::new();
    let (port, serving) = serve("H264", Door::Jammed(stop.clone()));
    assert!(matches!(camera(port).connect(&stop), Ok(None)));
    assert_eq!(
        serving.join().unwrap(),
        ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
    );
}

#[test]
fn a_system_clock_that_is_set_back_keeps_no_frames_away_and_no_time_comes_twice() {
    let (began, noon) = (Instant::now(), SystemTime::UNIX_EPOCH + 43_200 * SECOND);
    let mut choice = Choice::new(Arc::default(), Some(2 * SECOND));
    let mut captured = Vec::new();
    for second in 0..10 {
        let passed = second * SECOND;
        let set_back = if second < 5 { 0 } else { 3600 };
        let now = noon + passed - set_back * SECOND;
        choice.arrived(passed, now);
        captured.extend(choice.captured(began + passed, now));
    }
    assert_eq!(captured.len(), 5);
    assert!(captured.is_sorted_by(|a, b| a < b), "{captured:?}");
}
