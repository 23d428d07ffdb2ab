//! The files of the pages, embedded in the program.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::api::answer::Refusal;

/// A file and what it holds.
type Asset = (&'static str, &'static str);

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("assets/", $name)))),*]
    };
}

const ASSETS: &[Asset] = assets![
    "announce.js",
    "api.js",
    "card.js",
    "dom.js",
    "event-list.js",
    "events.js",
    "feed.js",
    "figures.js",
    "format.js",
    "heatmap.js",
    "icon.svg",
    "lab-column.js",
    "lab-form.js",
    "lab-picture.js",
    "lab-problem.js",
    "lab-results.js",
    "lab-run.js",
    "lab-variants.js",
    "lab-verdict.js",
    "lab.css",
    "lab.js",
    "legend.js",
    "live.css",
    "live.js",
    "login.js",
    "map-view.js",
    "palette.js",
    "refusals.js",
    "series.js",
    "settings.js",
    "spans.js",
    "status.js",
    "stream.js",
    "style.css",
    "timeline-draw.js",
    "timeline.js",
];

const LIVE: &str = include_str!("assets/index.html");
const LAB: &str = include_str!("assets/lab.html");
const LOGIN: &str = include_str!("assets/login.html");

/// The pages and what they load.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page = |text: &'static str| get(async move || with_type("text/html; charset=utf-8", text));
    Router::new()
        .route("/", page(LIVE))
        .route("/lab", page(LAB))
        .route("/login", page(LOGIN))
        .route("/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>) -> Response {
    let found = ASSETS.iter().find(|(known, _)| *known == name);
    let Some((name, text)) = found else {
        let error = format!("there is no asset {name:?}");
        return Refusal::new(StatusCode::NOT_FOUND, error, "load the page again").into_response();
    };
    with_type(media_type(name), text)
}

fn with_type(media_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/assets");
        let files = fs::read_dir(folder).unwrap();
        let mut files: Vec<String> = files
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".html"))
            .collect();
        files.sort();
        let served: Vec<_> = ASSETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(served, files);
        for name in files {
            assert_ne!(media_type(&name), "application/octet-stream", "{name}");
        }
    }

    /// The policy forbids it, and a page that needs it would be broken without a word.
    #[test]
    fn no_page_has_script_or_style_of_its_own_or_from_elsewhere() {
        let pages = [LIVE, LAB, LOGIN];
        let all = pages
            .into_iter()
            .chain(ASSETS.iter().map(|(_, text)| *text));
        for text in all {
            for forbidden in [
                "http://",
                "https://",
                "innerHTML",
                "eval(",
                "style=\"",
                "onclick=",
            ] {
                let allowed = text.replace("http://www.w3.org/2000/svg", "");
                assert!(!allowed.contains(forbidden), "{forbidden}");
            }
        }
        for page in pages {
            let scripts = page.matches("<script").count();
            assert_eq!(
                scripts,
                page.matches("<script type=\"module\" src=\"/assets/")
                    .count()
            );
            assert!(!page.contains("<style"));
        }
    }
}
