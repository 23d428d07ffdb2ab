//! How a viewer ends while an event goes on and a page is open.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;

use e2e::PATIENCE;
use e2e::page_site::{sample_camera, sample_watch, start};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_end_of_an_event_is_in_the_log_and_on_the_open_page_before_the_viewer_is_gone() {
    // One that outlives the site.
    let out = tempfile::tempdir().unwrap();
    let stack = start("last-words", |viewer| {
        viewer.out.as_mut().unwrap().folder = out.path().to_owned();
        let mut watch = sample_watch();
        // Everything that moves is unusual, so that the event goes on.
        watch.threshold = Some(1e-6);
        viewer.anomaly = Some(watch);
    })
    .await;
    let address = stack.page();
    let camera = sample_camera(&stack, 10);

    let mut page = TcpStream::connect(address).unwrap();
    page.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(page, "GET /api/live HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut page = BufReader::new(page);
    let mut begin = String::new();
    while !begin.contains(r#""kind":"begin""#) {
        begin.clear();
        assert_ne!(page.read_line(&mut begin).unwrap(), 0, "the page ended");
    }
    let rest = thread::spawn(move || {
        let mut rest = String::new();
        page.read_to_string(&mut rest).map(|_| rest)
    });
    // One that asks for nothing does not hold up the viewer's end either.
    let mut idle = TcpStream::connect(address).unwrap();
    idle.set_read_timeout(Some(PATIENCE)).unwrap();

    camera.stop().await;
    stack.stop().await;
    let rest = rest.join().unwrap().unwrap();
    assert!(rest.contains(r#""kind":"end""#), "{rest}");
    assert!(matches!(idle.read(&mut [0]), Ok(0) | Err(_)));
    assert!(TcpStream::connect(address).is_err());
    let log = fs::read_to_string(out.path().join("events.jsonl")).unwrap();
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "end");
}
