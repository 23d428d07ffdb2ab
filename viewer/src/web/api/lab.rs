//! The lab: pictures in, runs, what came of them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use image::GrayImage;
use serde::Deserialize;
use std::sync::Arc;
use tokio::task;
use utoipa::IntoParams;

use super::answer::Refusal;
use super::lab_figures::figures_csv;
use super::lab_schema::{LabState, NO_LAB, PictureState, RunState};
use super::schema::Problem;
use crate::lab::comparison::Comparison;
use crate::lab::picture::{FORMATS, Picture, told_format};
use crate::lab::plan::{RunRequest, plan};
use crate::lab::shelf::{BeginError, Stage};
use crate::lab::{Lab, new_id};
use crate::picture::grey_png;
use crate::web::server::Pages;

/// What the lab offers
#[utoipa::path(get, path = "/api/lab", tag = "lab", responses((status = 200, body = LabState)))]
pub(crate) async fn lab(State(pages): State<Pages>) -> Json<LabState> {
    Json(LabState::of(pages.lab.as_deref()))
}

/// What is known of an upload beside its bytes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadQuery {
    /// The file's name, whose ending is looked at where the bytes do not tell the format; or else `Content-Type` is.
    name: Option<String>,
}

/// Uploads a picture
#[utoipa::path(post, path = "/api/lab/pictures", tag = "lab", params(UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file."),
    responses((status = 201, body = PictureState), (status = 400, body = Problem), (status = 408, body = Problem),
        (status = 413, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem)))]
pub(crate) async fn upload(
    State(pages): State<Pages>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<(StatusCode, Json<PictureState>), Refusal> {
    let lab = open(&pages)?;
    let body = body.map_err(|error| {
        let mend = "choose a file of at most 16 MiB";
        Refusal::new(
            error.status(),
            "the upload is too large or was cut off",
            mend,
        )
    })?;
    let media_type = headers.get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let told = told_format(query.name.as_deref(), media_type);
    let picture = task::spawn_blocking(move || Picture::decode(&body, told)).await;
    let picture = picture.map_err(|error| broken(&error))?.map_err(|error| {
        let names = FORMATS.map(|(_, name)| name).join(", ");
        let mend =
            format!("choose a file of at most 8192 pixels a side in one of the formats {names}");
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string(), mend)
    })?;
    let id = new_id().map_err(|error| broken(&error))?;
    let state = PictureState {
        id: id.clone(),
        width: picture.width,
        height: picture.height,
        format: picture.format.clone(),
    };
    lab.shelf().put_picture(id, picture);
    Ok((StatusCode::CREATED, Json(state)))
}

/// An uploaded picture, grey
#[utoipa::path(get, path = "/api/lab/pictures/{name}", tag = "lab",
    params(("name" = String, Path, description = "The picture's id with `.png`.")),
    responses((status = 200, content_type = "image/png", body = Vec<u8>), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(crate) async fn picture(
    State(pages): State<Pages>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let id = name.strip_suffix(".png").unwrap_or(&name);
    let picture = open(&pages)?.shelf().picture(id).ok_or_else(no_picture)?;
    png(&picture.luma)
}

/// Begins a run
#[utoipa::path(post, path = "/api/lab/runs", tag = "lab", request_body = RunRequest,
    responses((status = 202, body = RunState), (status = 404, body = Problem), (status = 413, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn begin(
    State(pages): State<Pages>,
    request: Result<Json<RunRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<RunState>), Refusal> {
    let lab = open(&pages)?;
    let unprocessable =
        |error: String, mend: &str| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error, mend);
    let Json(request) = request.map_err(|error| match error {
        JsonRejection::BytesRejection(error) => {
            let mend = "send one run, as /api/openapi.json says";
            Refusal::new(error.status(), error.body_text(), mend)
        }
        error => unprocessable(
            error.body_text(),
            "send whole numbers, as /api/openapi.json says",
        ),
    })?;
    let specs = plan(&request, &lab.schemes())
        .map_err(|error| unprocessable(error.to_string(), error.mend()))?;
    let id = new_id().map_err(|error| broken(&error))?;
    let mut shelf = lab.shelf();
    let picture = shelf.picture(&request.picture).ok_or_else(no_picture)?;
    let begun = shelf.begin(id.clone(), request, picture, specs);
    begun.map_err(|error| match error {
        BeginError::TooMany => {
            let error = "too many runs are under way";
            let mend = "wait for one of them, or cancel it";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, error, mend)
        }
        BeginError::Closed(Problem { error, mend }) => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error, mend)
        }
    })?;
    let state = shelf.run(&id).map(RunState::of).ok_or_else(no_run)?;
    drop(shelf);
    lab.order();
    Ok((StatusCode::ACCEPTED, Json(state)))
}

/// How far a run is
#[utoipa::path(get, path = "/api/lab/runs/{id}", tag = "lab",
    params(("id" = String, Path, description = "The run.")),
    responses((status = 200, body = RunState), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(crate) async fn run(
    State(pages): State<Pages>,
    Path(id): Path<String>,
) -> Result<Json<RunState>, Refusal> {
    let lab = open(&pages)?;
    let state = lab.shelf().run(&id).map(RunState::of);
    state.map(Json).ok_or_else(no_run)
}

/// Cancels a run; one that is over stays as it is
#[utoipa::path(delete, path = "/api/lab/runs/{id}", tag = "lab",
    params(("id" = String, Path, description = "The run.")),
    responses((status = 204), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(crate) async fn cancel(
    State(pages): State<Pages>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let lab = open(&pages)?;
    lab.shelf().run(&id).ok_or_else(no_run)?.cancel();
    Ok(StatusCode::NO_CONTENT)
}

/// The figures of a run as a table, a line for each variant
#[utoipa::path(get, path = "/api/lab/runs/{id}/figures.csv", tag = "lab",
    params(("id" = String, Path, description = "The run.")),
    responses((status = 200, content_type = "text/csv", body = String), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(crate) async fn figures(
    State(pages): State<Pages>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let state = open(&pages)?.shelf().run(&id).map(RunState::of);
    let table = figures_csv(&state.ok_or_else(no_run)?);
    Ok(csv(&format!("blindsight-{id}.csv"), table))
}

/// A picture or the table of a finished variant
#[utoipa::path(get, path = "/api/lab/runs/{id}/{variant}/{file}", tag = "lab",
    params(
        ("id" = String, Path, description = "The run."),
        ("variant" = usize, Path, description = "The variant, from 0."),
        ("file" = String, Path,
            description = "`input.png`, `result.png`, `reference.png`, `difference.png` or `map.csv`."),
    ),
    responses((status = 200, content_type = "image/png", body = Vec<u8>), (status = 404, body = Problem),
        (status = 503, body = Problem)))]
pub(crate) async fn file(
    State(pages): State<Pages>,
    Path((id, variant, file)): Path<(String, usize, String)>,
) -> Result<Response, Refusal> {
    let comparison = comparison(open(&pages)?, &id, variant)?;
    match &*file {
        "input.png" => png(&comparison.input),
        "result.png" => png(&comparison.result()),
        "reference.png" => png(&comparison.reference()),
        "difference.png" => png(&comparison.difference()),
        "map.csv" => {
            let name = format!("blindsight-{id}-{variant}.csv");
            Ok(csv(&name, comparison.csv()))
        }
        other => {
            let error = format!("there is no file {other:?} of a variant");
            let mend = "ask for input.png, result.png, reference.png, difference.png or map.csv";
            Err(Refusal::unknown(error, mend))
        }
    }
}

fn comparison(lab: &Lab, id: &str, variant: usize) -> Result<Arc<Comparison>, Refusal> {
    let shelf = lab.shelf();
    let variants = &shelf.run(id).ok_or_else(no_run)?.variants;
    match variants.get(variant).map(|variant| &variant.stage) {
        Some(Stage::Done(comparison)) => Ok(comparison.clone()),
        Some(_) => {
            let error = format!("variant {variant} is not done");
            Err(Refusal::unknown(error, "wait until it is"))
        }
        None => {
            let error = format!("the run has {} variants", variants.len());
            Err(Refusal::unknown(error, "count them from 0"))
        }
    }
}

fn open(pages: &Pages) -> Result<&Lab, Refusal> {
    pages.lab.as_deref().ok_or_else(|| {
        let error = "this viewer has no lab";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error, NO_LAB)
    })
}

fn png(picture: &GrayImage) -> Result<Response, Refusal> {
    let (width, height) = picture.dimensions();
    let bytes = grey_png(picture, width, height).map_err(|error| broken(&error))?;
    Ok(([(header::CONTENT_TYPE, "image/png")], bytes).into_response())
}

/// A table, which a browser keeps under `name`.
fn csv(name: &str, table: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, table).into_response()
}

fn no_picture() -> Refusal {
    let error = "the picture is not kept any more";
    Refusal::unknown(error, "upload it again")
}

fn no_run() -> Refusal {
    let error = "the run is not kept any more";
    Refusal::unknown(error, "begin it again")
}

fn broken(error: &dyn std::fmt::Display) -> Refusal {
    let mend = "report this with the viewer's log";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string(), mend)
}
