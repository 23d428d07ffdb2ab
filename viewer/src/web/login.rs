//! The token for browsers, which cannot send it by themselves: said once, kept in a cookie.

use std::sync::Arc;
use std::time::Duration;

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tokio::time;

use super::guard::{COOKIE, Guard};

/// How long a wrong token takes.
const WRONG: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
pub(super) struct Said {
    token: String,
}

/// Takes the form of `/login`.
pub(super) async fn login(State(guard): State<Arc<Guard>>, Form(said): Form<Said>) -> Response {
    if !guard.is_token(&said.token) {
        time::sleep(WRONG).await;
        return Redirect::to("/login?wrong").into_response();
    }
    let mut response = Redirect::to("/").into_response();
    let cookie = format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/", said.token);
    // A token is letters, digits and a few signs: it fits a header.
    if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
