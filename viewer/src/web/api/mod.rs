//! The API: what the pages show, as JSON. docs/ref/openapi.json describes it.

pub(crate) mod answer;
mod cameras;
mod events;
mod health;
mod lab;
mod lab_figures;
mod lab_schema;
pub(crate) mod schema;

use axum::extract::DefaultBodyLimit;
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use super::server::Pages;
use crate::lab::picture::MAX_UPLOAD_BYTES;

#[derive(OpenApi)]
#[openapi(info(
    title = "Blindsight viewer",
    description = "Decrypted feature maps, anomaly events and the lab of one viewer. Errors are `Problem`s."
))]
struct Description;

/// The routes below `/api`, and their description.
pub(super) fn router() -> (axum::Router<Pages>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(cameras::cameras))
        .routes(routes!(cameras::camera))
        .routes(routes!(cameras::scores))
        .routes(routes!(cameras::maps))
        .routes(routes!(cameras::latest_map))
        .routes(routes!(cameras::map))
        .routes(routes!(events::events))
        .routes(routes!(events::map))
        .routes(routes!(health::health))
        .routes(routes!(super::live::live))
        .routes(routes!(lab::lab))
        .routes(routes!(lab::upload).layer(DefaultBodyLimit::max(MAX_UPLOAD_BYTES)))
        .routes(routes!(lab::picture))
        .routes(routes!(lab::begin))
        .routes(routes!(lab::run, lab::cancel))
        .routes(routes!(lab::figures))
        .routes(routes!(lab::file))
        .split_for_parts()
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn parameters_of_the_path_and_no_others_stand_in_the_path() {
        let description = serde_json::to_value(router().1).unwrap();
        for (path, operations) in description["paths"].as_object().unwrap() {
            let in_path = path.split('{').skip(1);
            let in_path: Vec<_> = in_path
                .map(|part| part.split('}').next().unwrap())
                .collect();
            for operation in operations.as_object().unwrap().values() {
                let parameters = operation["parameters"].as_array();
                let parameters = parameters.into_iter().flatten();
                let named = parameters.filter(|parameter| parameter["in"] == "path");
                let named: Vec<_> = named
                    .map(|parameter| parameter["name"].as_str().unwrap())
                    .collect();
                assert_eq!(named, in_path, "{path}");
            }
        }
    }

    /// `BLINDSIGHT_BLESS=1` writes the file.
    #[test]
    fn the_description_is_that_of_the_reference() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ref/openapi.json");
        let (_, description) = router();
        let described = description.to_pretty_json().unwrap() + "\n";
        if env::var_os("BLINDSIGHT_BLESS").is_some() {
            fs::write(&file, &described).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap();
        assert!(
            committed == described,
            "docs/ref/openapi.json is old: run with BLINDSIGHT_BLESS=1"
        );
    }
}
