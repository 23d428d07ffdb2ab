//! Who may ask the viewer's page for what, over real HTTP.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;

use e2e::PATIENCE;
use e2e::page_site::{sample_camera, start};
use e2e::pages::wait_for;
use e2e::site::CAMERA;
use e2e::stack::Stack;
use serde_json::{Value, json};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// An answer.
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Asks with these header lines, `Host` apart, and this body.
fn ask(address: SocketAddr, what: &str, headers: &[&str], body: &[u8]) -> Answer {
    let host = format!("Host: {address}");
    let named = headers.iter().any(|header| header.starts_with("Host:"));
    let mut head = format!(
        "{what} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers.iter().copied().chain((!named).then_some(&*host)) {
        head += &format!("{header}\r\n");
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // A server that has seen enough answers before it has read all.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status,
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

/// A page that other machines can reach, by way of this one.
async fn open_to_others() -> (Stack, SocketAddr) {
    let folder = tempfile::tempdir().unwrap().keep();
    let token = folder.join("web.token");
    fs::write(&token, format!("{TOKEN}\n")).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let stack = start("page-token", |viewer| {
        let web = viewer.web.as_mut().unwrap();
        web.listen = "0.0.0.0:0".parse().unwrap();
        web.token_file = Some(token);
        web.hosts = vec!["viewer.lan".to_owned()];
    })
    .await;
    fs::remove_dir_all(folder).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, stack.page().port()));
    (stack, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_comes_over_the_network_needs_the_token() {
    let (stack, address) = open_to_others().await;
    for path in [
        "/api/cameras",
        "/api/live",
        "/metrics",
        "/api/openapi.json",
        "/api/lab",
    ] {
        let answer = ask(address, &format!("GET {path}"), &[], b"");
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.body.contains("the token is missing or wrong"));
    }
    for path in ["/", "/lab"] {
        let answer = ask(address, &format!("GET {path}"), &[], b"");
        assert_eq!(
            (answer.status, &*answer.headers["location"]),
            (303, "/login")
        );
    }
    assert_eq!(ask(address, "GET /login", &[], b"").status, 200);
    assert_eq!(ask(address, "GET /assets/style.css", &[], b"").status, 200);

    let bearer = format!("Authorization: Bearer {TOKEN}");
    assert_eq!(
        ask(address, "GET /api/cameras", &[&bearer], b"").status,
        200
    );
    let form = "Content-Type: application/x-www-form-urlencoded";
    let wrong = ask(address, "POST /login", &[form], b"token=0123456789abcdef");
    assert_eq!(
        (wrong.status, &*wrong.headers["location"]),
        (303, "/login?wrong")
    );
    assert!(!wrong.headers.contains_key("set-cookie"));
    let endless = vec![b'x'; 1 << 20];
    assert_eq!(ask(address, "POST /login", &[form], &endless).status, 413);
    let right = ask(
        address,
        "POST /login",
        &[form],
        format!("token={TOKEN}").as_bytes(),
    );
    let cookie = &right.headers["set-cookie"];
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    assert_eq!(ask(address, "GET /", &[&cookie], b"").status, 200);

    let status = |host: &str| ask(address, "GET /login", &[&format!("Host: {host}")], b"").status;
    assert_eq!((status("viewer.lan:80"), status("10.1.2.3")), (200, 200));
    assert_eq!(status("rebound.example"), 421);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_page_can_neither_read_nor_change_anything() {
    let stack = start("page-origin", |_| {}).await;
    let address = stack.page();
    let rebound = ask(address, "GET /api/cameras", &["Host: rebound.example"], b"");
    assert_eq!(rebound.status, 421);
    for header in [
        "Origin: http://evil.example",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
    ] {
        for what in [
            "POST /api/lab/pictures",
            "GET /api/live",
            "GET /api/cameras",
        ] {
            let answer = ask(address, what, &[header], b"x");
            assert_eq!(answer.status, 403, "{what} {header}");
        }
    }
    let page = ask(address, "GET /", &[], b"");
    let policy = &page.headers["content-security-policy"];
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert!(!page.headers.contains_key("access-control-allow-origin"));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn uploads_and_pages_are_limited_and_silly_runs_get_a_sentence() {
    let stack = start("page-limits", |_| {}).await;
    let address = stack.page();
    let problem = |answer: &Answer| -> (u16, String) {
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        assert!(
            body["mend"].as_str().is_some_and(|mend| !mend.is_empty()),
            "{}",
            answer.body
        );
        (answer.status, body["error"].as_str().unwrap().to_owned())
    };
    let huge = vec![0; (16 << 20) + 1];
    assert_eq!(
        ask(address, "POST /api/lab/pictures", &[], &huge).status,
        413
    );
    let text = problem(&ask(address, "POST /api/lab/pictures", &[], b"no picture"));
    assert_eq!(
        text,
        (
            422,
            "the file is in no picture format that is known here".to_owned()
        )
    );
    let json_type = "Content-Type: application/json";
    let begin = |body: Value| {
        let body = body.to_string();
        problem(&ask(
            address,
            "POST /api/lab/runs",
            &[json_type],
            body.as_bytes(),
        ))
    };
    let run = |width: i64, scheme: &str| {
        json!({ "picture": "none", "width": width, "height": 8, "kernel": 2, "stride": 2, "padding": 0,
            "variants": [{ "scheme": scheme, "bits": 8 }] })
    };
    assert_eq!(begin(run(8, "bfv")).0, 404);
    let (status, sentence) = begin(run(99_999, "bfv"));
    assert_eq!(
        (status, &*sentence),
        (
            422,
            "99999 x 8 pixels are out of range; each side is 1 to 512"
        )
    );
    assert_eq!(begin(run(8, "tfhe")).0, 422);
    // Each number that no run can have, as it may come from the form or from a program.
    for field in ["width", "height", "kernel", "stride", "padding"] {
        for silly in [json!(-1), json!(1_000_000_000), json!(1e9), json!(null)] {
            let mut body = run(8, "bfv");
            body[field] = silly.clone();
            let (status, sentence) = begin(body);
            assert_eq!(status, 422, "{field}: {silly}");
            assert!(
                sentence.contains(field) || sentence.contains("out of range"),
                "{sentence}"
            );
        }
    }
    for (field, silly) in [
        ("width", 0),
        ("height", 0),
        ("kernel", 0),
        ("stride", 0),
        ("kernel", 9),
        ("padding", 2),
    ] {
        let mut body = run(8, "bfv");
        body[field] = json!(silly);
        assert_eq!(begin(body).0, 422, "{field}: {silly}");
    }
    let mut small = run(3, "bfv");
    (small["height"], small["kernel"]) = (json!(3), json!(4));
    assert_eq!(begin(small).0, 422, "a kernel larger than the picture");
    let mut many = run(8, "bfv");
    many["variants"] = json!(vec![json!({ "scheme": "bfv", "bits": 8 }); 1000]);
    assert_eq!(
        begin(many).1,
        "1000 variants were asked for, 1 to 4 can be compared"
    );
    let mut endless = run(8, "bfv");
    endless["picture"] = json!("x".repeat(1 << 20));
    assert_eq!(begin(endless).0, 413);
    let text = br#"{ "picture": "none", "width": NaN }"#;
    let answer = ask(address, "POST /api/lab/runs", &[json_type], text);
    assert_eq!(problem(&answer).0, 422, "NaN is no JSON");
    for (what, status) in [
        ("GET /api/events?limit=many", 400),
        ("GET /api/lab/runs/a/b/map.csv", 400),
        ("PUT /api/cameras", 405),
    ] {
        assert_eq!(problem(&ask(address, what, &[], b"")).0, status, "{what}");
    }

    // Each page that is told what happens takes a place until it leaves.
    let open = || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /api/live HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        (stream, String::from_utf8_lossy(&start).into_owned())
    };
    let streams: Vec<_> = (0..32).map(|_| open()).collect();
    assert!(streams.iter().all(|(_, start)| start == "HTTP/1.1 200"));
    let (_, refused) = open();
    assert_eq!(refused, "HTTP/1.1 503");
    drop(streams);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_described_page_without_a_parameter_answers_and_maps_are_what_was_pooled() {
    let stack = start("page-api", |_| {}).await;
    let camera = sample_camera(&stack, 10);
    let address = stack.page();
    wait_for(
        address,
        &format!("/api/cameras/{CAMERA}/maps/latest"),
        |status, _| status == 200,
    );
    let described: Value =
        serde_json::from_str(&ask(address, "GET /api/openapi.json", &[], b"").body).unwrap();
    let mut asked = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        if methods.get("get").is_none() || path == "/api/live" {
            continue;
        }
        let path = path.replace("{camera}", CAMERA);
        if path.contains('{') {
            continue;
        }
        let answer = ask(address, &format!("GET {path}"), &[], b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(
            serde_json::from_str::<Value>(&answer.body).is_ok(),
            "{path}"
        );
        asked += 1;
    }
    assert!(asked >= 7, "{asked}");
    for unknown in [
        "/api/cameras/nobody",
        "/api/lab/runs/none",
        "/api/nothing",
        "/assets/../Cargo.toml",
    ] {
        assert_eq!(
            ask(address, &format!("GET {unknown}"), &[], b"").status,
            404,
            "{unknown}"
        );
    }
    camera.stop().await;
    stack.stop().await;
}
