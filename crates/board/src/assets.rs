//! The style sheet and the script. They are part of the program, so a page needs nothing from elsewhere.

use axum::response::Response;
use http::StatusCode;

use crate::answer::typed;

pub(crate) async fn style() -> Response {
    typed(StatusCode::OK, "text/css; charset=utf-8", include_bytes!("assets/board.css").to_vec())
}

pub(crate) async fn script() -> Response {
    typed(StatusCode::OK, "text/javascript; charset=utf-8", include_bytes!("assets/board.js").to_vec())
}
