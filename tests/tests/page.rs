//! The viewer's pages in a real browser, on a real broker, worker and camera. Skipped visibly without one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use e2e::browser::Browser;
use e2e::data_folder::committed;
use e2e::page_site::{sample_camera, start};
use e2e::site::CAMERA;
use tokio::time::sleep;

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

/// The sum of the pixels of the map that is shown.
const DRAWN: &str = "const map = document.querySelector('canvas.map');
const pixels = map.getContext('2d').getImageData(0, 0, map.width, map.height).data;
return [map.width, map.height, pixels.reduce((sum, value, at) => (sum * 31 + value * (at + 1)) % 1000000007, 7)];";

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
    browser.screenshot("live").await;

    camera.stop().await;
    browser
        .wait_attribute(&state, "data-state", |state| state == "stalled")
        .await;
    let said = browser.text(&card("state")).await.unwrap();
    assert!(said.contains("no map for"), "{said}");
    browser.screenshot("stalled").await;
    assert_eq!(browser.console().await, [""; 0]);
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
    let enabled = |value: &str| value == "true";
    browser
        .wait_attribute("#controls:enabled, #controls[disabled]", "id", |_| true)
        .await;
    wait_until_enabled(&browser).await;
    let _ = enabled;
    browser.type_into("#picture", path(&broken)).await;
    let problem = browser.wait_text("#problem", |text| !text.is_empty()).await;
    assert!(problem.contains("in no picture format"), "{problem}");
    // The browser itself writes a line for each answer that is an error.
    let expected = browser.console().await;
    assert!(
        expected.iter().all(|line| line.contains("422")),
        "{expected:?}"
    );

    browser
        .type_into("#picture", path(&committed("samples/2-cyclist/020.png")))
        .await;
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
