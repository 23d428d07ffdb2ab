//! The viewer's pages in a real browser, on a real broker, worker and camera. Skipped visibly without one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use cipherframe::{Frame, PoolSpec, Quantiser, max_pool};
use e2e::browser::Browser;
use e2e::bus::Stranger;
use e2e::data_folder::committed;
use e2e::page_site::{sample_camera, sample_watch, start};
use e2e::pages::get;
use e2e::site::CAMERA;
use serde_json::Value;
use tokio::time::sleep;
use wire::topic::Topic;

fn url(stack: &e2e::stack::Stack, path: &str) -> String {
    format!("http://{}{path}", stack.page())
}

fn card(field: &str) -> String {
    format!("[data-camera=\"{CAMERA}\"] [data-field=\"{field}\"]")
}

fn number(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// The size of the map that is shown, and its picture.
const DRAWN: &str = "const map = document.querySelector('canvas.map');
return [map.width, map.height, map.toDataURL()];";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_live_map_changes_and_a_stalled_camera_says_so() {
    let Some(browser) = Browser::start(1280, 900).await else {
        return;
    };
    let stack = start("page-live", |_| {}).await;
    let camera = sample_camera(&stack, 10);
    browser.open(&url(&stack, "/")).await;
    let state = format!("[data-camera=\"{CAMERA}\"]");
    browser
        .wait_attribute(&state, "data-state", |state| state == "live")
        .await;
    let first = browser
        .wait_text(&card("seq"), |text| number(text) > 0)
        .await;
    browser
        .wait_text(&card("seq"), |text| number(text) > number(&first) + 20)
        .await;
    for (field, expected) in [("scheme", "bfv"), ("missing", "0")] {
        let text = browser.text(&card(field)).await.unwrap();
        assert!(text.contains(expected), "{field}: {text}");
    }
    browser
        .wait_text(&card("fps"), |text| number(text) > 0)
        .await;
    // Not the same picture for ever, and one cell for each window.
    let drawn = browser.script(DRAWN).await;
    assert_eq!((&drawn[0], &drawn[1]), (&48.into(), &27.into()));
    let mut changed = false;
    for _ in 0..100 {
        sleep(Duration::from_millis(100)).await;
        changed = browser.script(DRAWN).await != drawn;
        if changed {
            break;
        }
    }
    assert!(changed, "the map stays as it was");

    camera.stop().await;
    browser
        .wait_attribute(&state, "data-state", |state| state == "stalled")
        .await;
    let card = format!("[data-camera=\"{CAMERA}\"]");
    browser
        .wait_text(&card, |text| text.contains("no map for"))
        .await;
    browser.screenshot("stalled").await;
    assert_eq!(browser.console().await, [""; 0]);
    browser.close().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_event_appears_and_its_map_can_be_looked_at() {
    let Some(browser) = Browser::start(1280, 1000).await else {
        return;
    };
    let stack = start("page-event", |viewer| viewer.anomaly = Some(sample_watch())).await;
    let camera = sample_camera(&stack, 10);
    browser.open(&url(&stack, "/")).await;
    let event = browser
        .wait_attribute("#event-list [data-event]", "data-event", |_| true)
        .await;
    assert!(event.starts_with(&format!("{CAMERA}-")), "{event}");
    browser
        .wait_text(&card("mode"), |text| text.contains("watching"))
        .await;
    browser
        .wait_text(&card("score"), |text| !text.is_empty())
        .await;
    sleep(Duration::from_secs(2)).await;
    browser.screenshot("live").await;
    browser
        .click("#event-list [data-event] button, #event-list button[data-event]")
        .await;
    let card = format!("[data-camera=\"{CAMERA}\"]");
    browser
        .wait_text(&card, |text| text.to_lowercase().contains("moment of"))
        .await;
    browser.screenshot("moment").await;
    // Each event has two maps, which are there to be asked for by its name.
    for moment in ["begin", "peak"] {
        let (status, body) = get(stack.page(), &format!("/api/events/{event}/maps/{moment}"));
        assert_eq!(status, 200, "{body}");
    }
    let shown = |wanted: &'static str| {
        browser.wait_attribute(".strip", "data-kind", move |kind| kind == wanted)
    };
    browser.click(".strip button").await;
    shown("live").await;
    browser.click("#event-list .begin").await;
    shown("moment").await;
    // A span is chosen by finger or mouse, and by the arrow keys.
    let timeline = format!("{card} canvas.scores");
    let span = |words: &'static str| {
        browser.wait_attribute(&timeline, "aria-label", move |label| label.contains(words))
    };
    browser.click("#spans label:nth-of-type(2)").await;
    span("last 10 min 0 s").await;
    browser.type_into("#spans input:checked", "\u{e014}").await;
    span("last 1 h 0 min").await;
    browser.type_into(&timeline, "\u{e011}\u{e007}").await;
    browser
        .wait_attribute(&timeline, "aria-valuetext", |text| {
            !text.contains("latest") && text.contains("captured")
        })
        .await;
    assert_eq!(browser.console().await, [""; 0]);
    camera.stop().await;
    browser.close().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_page_comes_back_by_itself_when_the_viewer_does() {
    let Some(browser) = Browser::start(1280, 900).await else {
        return;
    };
    let mut stack = start("page-again", |_| {}).await;
    let camera = sample_camera(&stack, 10);
    browser.open(&url(&stack, "/")).await;
    let state = format!("[data-camera=\"{CAMERA}\"]");
    let is = |wanted: &'static str| {
        browser.wait_attribute(&state, "data-state", move |state| state == wanted)
    };
    is("live").await;
    // Would be gone if the page were loaded anew.
    browser.script("window.loadedOnce = true;").await;
    stack
        .without_viewer(async || {
            is("unknown").await;
            let badge = browser.text("#connection").await;
            assert_eq!(badge.as_deref(), Some("reconnecting"));
            browser.screenshot("reconnecting").await;
        })
        .await;
    is("live").await;
    let first = browser
        .wait_text(&card("seq"), |text| number(text) > 0)
        .await;
    browser
        .wait_text(&card("seq"), |text| number(text) > number(&first) + 10)
        .await;
    assert_eq!(browser.script("return window.loadedOnce;").await, true);
    camera.stop().await;
    browser.close().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_phone_nothing_is_out_of_reach_in_either_colours() {
    let Some(browser) = Browser::start(500, 900).await else {
        return;
    };
    let stack = start("page-phone", |viewer| viewer.anomaly = Some(sample_watch())).await;
    let camera = sample_camera(&stack, 10);
    let mut grounds = Vec::new();
    for colours in ["light", "dark"] {
        browser.be_a_phone(colours).await;
        browser.open(&url(&stack, "/")).await;
        browser.wait_text(".begin", |_| true).await;
        browser
            .wait_text(&card("score"), |text| text.starts_with(char::is_numeric))
            .await;
        let sizes = browser
            .script("const { scrollWidth, clientWidth } = document.documentElement; return [scrollWidth, clientWidth];")
            .await;
        assert_eq!((&sizes[0], &sizes[1]), (&390.into(), &390.into()));
        let reach = browser.script(OUT_OF_REACH).await;
        assert_eq!(reach, Value::Array(Vec::new()));
        let ground = "return getComputedStyle(document.body).backgroundColor;";
        grounds.push(browser.script(ground).await);
        browser.screenshot(&format!("phone-{colours}")).await;
    }
    assert_ne!(grounds[0], grounds[1]);
    assert_eq!(browser.console().await, [""; 0]);
    camera.stop().await;
    browser.close().await;
    stack.stop().await;
}

/// What can be used and is beyond the edges of the window, or too small for a finger.
const OUT_OF_REACH: &str = "
const controls = document.querySelectorAll('button, select, label, nav a, canvas.scores');
const seen = [...controls].filter((node) => node.getClientRects().length && node.control?.tagName !== 'SELECT');
return seen.filter((node) => {
  const { left, right, height } = node.getBoundingClientRect();
  return left < 0 || right > window.innerWidth || height < 24;
}).map((node) => node.outerHTML);";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_refused_is_shown_at_the_camera_that_it_claims() {
    let Some(browser) = Browser::start(1280, 1000).await else {
        return;
    };
    let stack = start("page-refused", |_| {}).await;
    let camera = sample_camera(&stack, 10);
    browser.open(&url(&stack, "/")).await;
    browser
        .wait_text(&card("seq"), |text| number(text) > 0)
        .await;
    let stranger = Stranger::connect(&stack.site.mqtt("stranger", stack.address()));
    for claimed in [CAMERA, "nowhere"] {
        let topic = Topic::Map {
            site: stack.site.name().clone(),
            camera: claimed.parse().unwrap(),
        };
        stranger.say(&topic, b"hello".to_vec()).await;
    }
    stranger.leave().await;
    browser
        .wait_text("#refused", |text| text == "2 messages refused")
        .await;
    let told = browser
        .wait_text(".refusals", |text| text.contains("not an envelope"))
        .await;
    assert!(told.starts_with("1 message refused, claimed"), "{told}");
    let cards = "return document.querySelectorAll('.card').length;";
    assert_eq!(browser.script(cards).await, 1, "no card for a mere claim");
    browser.screenshot("refused").await;
    assert_eq!(browser.console().await, [""; 0]);
    camera.stop().await;
    browser.close().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_browser_logs_in_with_the_token() {
    let Some(browser) = Browser::start(390, 844).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("web.token");
    fs::write(&token, "0123456789abcdef\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let stack = start("page-login", |viewer| {
        viewer.web.as_mut().unwrap().token_file = Some(token);
    })
    .await;
    let camera = sample_camera(&stack, 10);
    browser.open(&url(&stack, "/")).await;
    assert!(browser.address().await.ends_with("/login"));
    browser
        .type_into("input[name=token]", "not-the-right-one\n")
        .await;
    browser
        .wait_text("main", |text| text.contains("Wrong token"))
        .await;
    browser
        .type_into("input[name=token]", "0123456789abcdef\n")
        .await;
    let state = format!("[data-camera=\"{CAMERA}\"]");
    browser
        .wait_attribute(&state, "data-state", |state| state == "live")
        .await;
    browser.screenshot("phone").await;
    camera.stop().await;
    browser.close().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_of_the_lab_is_plaintext_pooling_and_bad_files_are_explained() {
    let Some(browser) = Browser::start(1280, 1400).await else {
        return;
    };
    let stack = start("page-lab", |_| {}).await;
    browser.open(&url(&stack, "/lab")).await;
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.png");
    fs::write(&broken, "no picture").unwrap();
    browser.wait_attribute("#controls", "id", |_| true).await;
    wait_until_enabled(&browser).await;
    browser.type_into("#picture", path(&broken)).await;
    let problem = browser.wait_text("#problem", |text| !text.is_empty()).await;
    assert!(problem.contains("in no picture format"), "{problem}");
    // The browser itself writes a line for each answer that is an error.
    let expected = browser.console().await;
    assert!(
        expected.iter().all(|line| line.contains("422")),
        "{expected:?}"
    );

    // The driver takes no path with dots in it.
    let picture = committed("samples/2-cyclist/020.png")
        .canonicalize()
        .unwrap();
    browser.type_into("#picture", path(&picture)).await;
    browser
        .wait_text("#picture-state", |text| text.contains("160"))
        .await;
    for (field, value) in [("#width", "32"), ("#height", "16")] {
        browser.fill(field, value).await;
    }
    browser.click("#run").await;
    for variant in ["0", "1"] {
        let field = |name: &str| format!("[data-variant=\"{variant}\"] [data-field=\"{name}\"]");
        browser
            .wait_attribute(&field("state"), "data-value", |state| state == "done")
            .await;
        browser
            .wait_attribute(&field("wrong_cells"), "data-value", |wrong| wrong == "0")
            .await;
        for time in ["encrypt_ms", "round_trip_ms", "decrypt_ms", "compare_ms"] {
            browser
                .wait_attribute(&field(time), "data-value", |time| {
                    time.parse::<f64>().is_ok()
                })
                .await;
        }
        for picture in ["original", "input", "result", "reference", "difference"] {
            let css = format!("[data-variant=\"{variant}\"] img.{picture}");
            let wide =
                format!("const img = document.querySelector('{css}'); return img.naturalWidth;");
            let mut width = 0;
            for _ in 0..100 {
                width = browser.script(&wide).await.as_u64().unwrap_or(0);
                if width > 0 {
                    break;
                }
                sleep(Duration::from_millis(100)).await;
            }
            assert!(width > 0, "{css}");
        }
    }
    let error = |variant: &str| format!("[data-variant=\"{variant}\"] [data-field=\"max_error\"]");
    let exact = browser.attribute(&error("0"), "data-value").await.unwrap();
    let rough = browser.attribute(&error("1"), "data-value").await.unwrap();
    assert_eq!(exact, "0", "8 bits are exact");
    assert!(
        (1..=15).contains(&number(&rough)),
        "4 bits are approximate: {rough}"
    );
    // What is shown is what a plaintext reference of the test's own gives.
    let address = browser.address().await;
    let run = address
        .split("#run=")
        .nth(1)
        .expect("the address names the run");
    let (status, csv) = get(stack.page(), &format!("/api/lab/runs/{run}/0/map.csv"));
    assert_eq!(status, 200);
    let cells = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(2).unwrap());
    let cells: Vec<u8> = cells.map(|cell| cell.parse().unwrap()).collect();
    let luma = image::open(committed("samples/2-cyclist/020.png"))
        .unwrap()
        .into_luma8();
    let luma = image::imageops::thumbnail(&luma, 32, 16).into_raw();
    let frame = Frame::new(32, 16, luma).unwrap();
    let exact = Quantiser::from_bits(8).unwrap().quantise(&frame);
    let pooled = max_pool(&exact, &PoolSpec::new(2, 2, 0).unwrap()).unwrap();
    assert_eq!(cells, pooled.values());
    let (status, figures) = get(stack.page(), &format!("/api/lab/runs/{run}/figures.csv"));
    assert_eq!((status, figures.lines().count()), (200, 1 + 2), "{figures}");
    browser.screenshot("lab").await;
    assert_eq!(browser.console().await, [""; 0]);
    browser.close().await;
    stack.stop().await;
}

async fn wait_until_enabled(browser: &Browser) {
    let disabled = "return document.querySelector('#controls').disabled;";
    while browser.script(disabled).await == true {
        sleep(Duration::from_millis(50)).await;
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
