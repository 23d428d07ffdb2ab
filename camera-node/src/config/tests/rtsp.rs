use super::*;

const STREAM: &str =
    "[stream]\nsize = \"16x16\"\npublic_key = \"k\"\n[delivery]\npolicy = \"latest\"\n";

/// The problems of `[source]`, whose keys begin at line 9.
fn source_problems(keys: &str) -> Vec<String> {
    problems(&format!("[source]\n{keys}\n{STREAM}"))
}

#[test]
fn a_camera_has_a_pace_a_user_and_a_transport() {
    let source = |keys: &str| {
        let config = parse(&format!("[source]\n{keys}\n{STREAM}")).unwrap();
        config.source
    };
    let camera = |login, transport, interval| {
        let url = "rtsp://10.0.0.7:8554/yard?channel=1".parse().unwrap();
        SourceConfig::Rtsp(RtspConfig {
            url,
            login,
            transport,
            interval,
        })
    };
    let url = "rtsp = \"rtsp://10.0.0.7:8554/yard?channel=1\"";
    assert_eq!(source(url), camera(None, RtspTransport::Tcp, None));
    let keys = format!(
        "{url}\nfps = 4\nusername = \"gate\"\npassword_file = \"yard\"\ntransport = \"udp\""
    );
    let login = Some(("gate".to_owned(), "etc/yard".into()));
    assert_eq!(
        source(&keys),
        camera(login, RtspTransport::Udp, Some(Duration::from_millis(250)))
    );
}

#[test]
fn what_is_no_camera_is_refused_without_its_password() {
    let refused = |url: &str, what: &str| {
        let found = source_problems(&format!("rtsp = \"{url}\""));
        assert_eq!(found, [format!("9: source.rtsp: {what}")]);
    };
    let mend = "write it as rtsp://HOST/PATH";
    refused(
        "10.0.0.7/secret",
        &format!("not a URL: relative URL without a base; {mend}"),
    );
    for url in [
        "http://10.0.0.7/secret",
        "rtsp:secret",
        "rtsps://10.0.0.7/secret",
    ] {
        refused(url, &format!("not the URL of a camera; {mend}"));
    }
    for url in ["rtsp://gate:secret@10.0.0.7/", "rtsp://secret@10.0.0.7/"] {
        refused(
            url,
            "a user or a password in the URL would be in log lines; write the user as \
             `source.username` and the password into a file, named by `source.password_file`",
        );
    }
}

#[test]
fn keys_of_the_other_kind_of_source_are_refused() {
    let keys = "rtsp = \"rtsp://10.0.0.7/\"\nfolder = \"f\"\nloop = true\nusername = \"gate\"";
    let expected = [
        "8: source.password_file: a user name and a password go together; add it",
        "9: source.rtsp: given together with `source.folder`; keep one of them, a camera has one source",
        "11: source.loop: `source.folder` does not use it; remove it",
    ];
    assert_eq!(source_problems(keys), expected);
    let keys = "folder = \"f\"\nfps = 5\nusername = \"gate\"\ntransport = \"tcp\"";
    let expected = ["11: source.username", "12: source.transport"]
        .map(|key| format!("{key}: `source.folder` does not use it; remove it"));
    assert_eq!(source_problems(keys), expected);
}
