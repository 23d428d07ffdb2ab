//! A real browser: chromium, driven through chromedriver.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::{TimeoutConfiguration, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::time::sleep;
use url::Url;

use crate::data_folder::committed;
use crate::{PATIENCE, skipped};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A window of the browser. [`Browser::close`] ends it.
pub struct Browser {
    client: Client,
    driver: Child,
    // The profile; goes when the browser does.
    _profile: TempDir,
}

/// Where tests leave pictures for people: `target/screenshots`.
pub fn screenshots() -> PathBuf {
    committed("target/screenshots")
}

impl Browser {
    /// Starts one; `None`, and said so, where there is none.
    pub async fn start(width: u32, height: u32) -> Option<Self> {
        let Some((driver, port)) = start_driver() else {
            skipped("chromium and chromedriver are not installed");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            "--headless=new".to_owned(),
            // Tests may run as root, which the sandbox refuses; the only pages opened are our own.
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-gpu".to_owned(),
            "--force-device-scale-factor=1".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let mut capabilities = Map::new();
        capabilities.insert(
            "goog:chromeOptions".to_owned(),
            json!({ "args": arguments }),
        );
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("chromedriver starts a browser");
        let timeouts = TimeoutConfiguration::new(Some(PATIENCE), Some(PATIENCE), None);
        client.update_timeouts(timeouts).await.unwrap();
        Some(Self {
            client,
            driver,
            _profile: profile,
        })
    }

    /// Pretends to be a phone held upright, and its owner to like dark colours or light ones.
    pub async fn be_a_phone(&self, colours: &str) {
        let screen = json!({ "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", screen)
            .await;
        let touch = json!({ "enabled": true });
        self.devtools("Emulation.setTouchEmulationEnabled", touch)
            .await;
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": colours }] });
        self.devtools("Emulation.setEmulatedMedia", scheme).await;
    }

    async fn devtools(&self, command: &'static str, parameters: Value) {
        let command = DevTools {
            command,
            parameters,
        };
        self.client.issue_cmd(command).await.unwrap();
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The address of the page.
    pub async fn address(&self) -> String {
        self.client.current_url().await.unwrap().to_string()
    }

    /// The text of the first element that `css` finds, if there is one.
    pub async fn text(&self, css: &str) -> Option<String> {
        let element = self.client.find(Locator::Css(css)).await.ok()?;
        element.text().await.ok()
    }

    /// An attribute of the first element that `css` finds.
    pub async fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let element = self.client.find(Locator::Css(css)).await.ok()?;
        element.attr(name).await.ok().flatten()
    }

    /// Waits until the text of the element is as wanted, and gives it.
    pub async fn wait_text(&self, css: &str, wanted: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let text = self.text(css).await;
            if let Some(text) = text.as_ref().filter(|text| wanted(text)) {
                return text.clone();
            }
            assert!(began.elapsed() < PATIENCE, "{css} stays {text:?}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until an attribute of the element is as wanted, and gives it.
    pub async fn wait_attribute(
        &self,
        css: &str,
        name: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        let began = Instant::now();
        loop {
            let value = self.attribute(css, name).await;
            if let Some(value) = value.as_ref().filter(|value| wanted(value)) {
                return value.clone();
            }
            assert!(began.elapsed() < PATIENCE, "{css} {name} stays {value:?}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// Clicks on the first element that `css` finds.
    pub async fn click(&self, css: &str) {
        let element = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(css));
        element.await.unwrap().click().await.unwrap();
    }

    /// Types into an element; for a file input, the path of a file.
    pub async fn type_into(&self, css: &str, text: &str) {
        let element = self.client.find(Locator::Css(css)).await.unwrap();
        element.send_keys(text).await.unwrap();
    }

    /// Replaces what stands in a field.
    pub async fn fill(&self, css: &str, text: &str) {
        let element = self.client.find(Locator::Css(css)).await.unwrap();
        element.clear().await.unwrap();
        element.send_keys(text).await.unwrap();
    }

    /// What a script gives that is the body of a function.
    pub async fn script(&self, body: &str) -> Value {
        self.client.execute(body, Vec::new()).await.unwrap()
    }

    /// Leaves a picture of the window for people. With `BLINDSIGHT_BLESS=1` it becomes that of the documentation, if it
    /// has one.
    pub async fn screenshot(&self, name: &str) {
        let png = self.client.screenshot().await.unwrap();
        fs::create_dir_all(screenshots()).unwrap();
        fs::write(screenshots().join(format!("{name}.png")), &png).unwrap();
        let image = committed("docs/images").join(format!("{name}.png"));
        if env::var_os("BLINDSIGHT_BLESS").is_some() && image.exists() {
            fs::write(image, png).unwrap();
        }
    }

    /// What stands in the console since it was asked last, but for debugging hints.
    pub async fn console(&self) -> Vec<String> {
        let log = self.client.issue_cmd(BrowserLog).await.unwrap();
        let entries = log.as_array().cloned().unwrap_or_default();
        let bad = entries
            .iter()
            .filter(|entry| entry["level"] != "DEBUG" && entry["level"] != "INFO");
        bad.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Ends the browser.
    pub async fn close(self) {
        self.client.clone().close().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        end(&mut self.driver);
    }
}

/// Starts chromedriver on a free port, if it and a browser are there.
fn start_driver() -> Option<(Child, u16)> {
    let browser = ["chromium", "chromium-browser", "google-chrome"];
    browser.iter().find(|name| is_installed(name))?;
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .ok()?;
    let lines = BufReader::new(driver.stdout.take()?).lines();
    let port = lines.map_while(Result::ok).find_map(|line| {
        let port = line.rsplit_once("started successfully on port ")?.1;
        port.trim_end_matches('.').parse().ok()
    });
    let Some(port) = port else {
        end(&mut driver);
        return None;
    };
    Some((driver, port))
}

/// Ends the driver and the browser that it has started, which would outlive it after a failed test.
fn end(driver: &mut Child) {
    if let Ok(group) = i32::try_from(driver.id())
        && let Some(group) = Pid::from_raw(group)
    {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = driver.wait();
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Chromedriver's own way to speak the protocol of the browser's developer tools.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}

/// Chromedriver's own way to read the console.
#[derive(Debug)]
struct BrowserLog;

impl WebDriverCompatibleCommand for BrowserLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/se/log"))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
