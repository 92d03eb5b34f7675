//! The requests that ask for actions: the forms of people, and the API of programs.

use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde_json::json;

use crate::answer::{Refused, json_answer};
use crate::bound::Caller;
use crate::control::{Action, ActionView, Controlled, FORM_TOKEN, session_id, set_cookie};
use crate::page;
use crate::query::Query;
use crate::read::Answer;
use crate::shared::Shared;

/// Bytes of a form or of an action as JSON.
const MAX_BODY: usize = 4 << 10;
/// Characters of a key.
const MAX_KEY: usize = 100;
/// The header in which a program names a request, so that it can send it twice.
const KEY: &str = "idempotency-key";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What is there only if the operator allows actions.
pub(crate) fn controlled(shared: &Shared) -> Answer<&Controlled> {
    shared.controlled.as_deref().ok_or_else(|| Refused::missing("there is no such page").hint("begin at /"))
}

/// `POST /actions`, from a button.
pub(crate) async fn act_by_form(State(shared): State<Shared>, request: Request) -> Response {
    let done = async {
        let controlled = controlled(&shared)?;
        let (headers, caller, body) = read(request, FORM).await?;
        let who = controlled.who(&headers, caller.as_ref())?;
        let form = Query::read(Some(&body), &["action", "schedule", "run_id", "key", FORM_TOKEN])?;
        who.check_form(form.text(FORM_TOKEN).unwrap_or_default())?;
        let run_id = form.number("run_id", &(1..=i64::MAX))?;
        let action = Action::of(form.text("action").unwrap_or_default(), form.text("schedule"), run_id);
        let action = action.ok_or_else(|| Refused::wrong("the form asks for nothing that can be done"))?;
        let key = form.text("key").map(|key| format!("{} {key}", action.name()));
        controlled.act(action, &who.name, key).await
    };
    match done.await {
        Ok(action) => see(&format!("/actions/{}", action.id)),
        Err(refused) => page::refused(&refused),
    }
}

/// `POST /api/v1/actions`.
pub(crate) async fn act(State(shared): State<Shared>, RawQuery(raw): RawQuery, request: Request) -> Response {
    let done = async {
        Query::read(raw.as_deref(), &[])?;
        let controlled = controlled(&shared)?;
        let (headers, caller, body) = read(request, JSON).await?;
        let who = controlled.who(&headers, caller.as_ref())?;
        // A form of another site cannot send JSON, and a script of another site cannot send it with a cookie.
        who.check_form(headers.get("x-form-token").and_then(|it| it.to_str().ok()).unwrap_or_default())?;
        let action: Action = serde_json::from_str(&body).map_err(|error| {
            Refused::wrong(format!("the body is not an action: {error}")).hint(
                "write {\"action\": \"run_now\", \"schedule\": NAME}; /api/v1/openapi.json has all of them",
            )
        })?;
        check(&action)?;
        let key = key(&headers)?;
        controlled.act(action, &who.name, key).await
    };
    match done.await {
        Ok(action) => json_answer(status(&action), &action),
        Err(refused) => {
            let (is_unknown, is_limited) =
                (refused.status == StatusCode::UNAUTHORIZED, refused.status == StatusCode::TOO_MANY_REQUESTS);
            let mut answer = refused.into_json();
            if is_unknown {
                answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            if is_limited {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
            }
            answer
        }
    }
}

/// The names and numbers in an action are as limited as those in an address.
fn check(action: &Action) -> Answer<()> {
    if let Some(schedule) = action.schedule() {
        crate::query::path_part(schedule)?;
    }
    match action.run_id() {
        Some(run_id) if run_id < 1 => Err(Refused::wrong("the id of a run is a number from 1 on")),
        _ => Ok(()),
    }
}

fn status(action: &ActionView) -> StatusCode {
    match action.state.as_str() {
        "running" => StatusCode::ACCEPTED,
        "refused" => StatusCode::CONFLICT,
        _ => StatusCode::OK,
    }
}

fn key(headers: &HeaderMap) -> Answer<Option<String>> {
    let Some(key) = headers.get(KEY) else { return Ok(None) };
    let is_visible = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
    let key = key.to_str().ok().filter(is_visible).filter(|key| !key.is_empty() && key.len() <= MAX_KEY);
    let key = key.ok_or_else(|| {
        Refused::wrong(format!("the header Idempotency-Key takes 1 to {MAX_KEY} visible ASCII characters"))
    })?;
    Ok(Some(format!("api {key}")))
}

/// `GET /api/v1/actions`.
pub(crate) async fn list(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Result<Response, Refused> {
    Query::read(raw.as_deref(), &[])?;
    let actions = controlled(&shared)?.journal.list()?;
    Ok(json_answer(StatusCode::OK, &json!({ "actions": actions })))
}

/// `GET /actions`.
pub(crate) async fn page_of_all(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Response {
    page::page(async {
        Query::read(raw.as_deref(), &[])?;
        Ok(page::actions(&controlled(&shared)?.journal.list()?))
    })
    .await
}

/// `GET /actions/ID`.
pub(crate) async fn page_of_one(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Response {
    page::page(async {
        Query::read(raw.as_deref(), &[])?;
        let id = id.parse().map_err(|_| Refused::wrong("the id of an action is a number"))?;
        Ok(page::action(&controlled(&shared)?.journal.find(id)?))
    })
    .await
}

/// `GET /login`.
pub(crate) async fn login_page(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Response {
    page::page(async {
        Query::read(raw.as_deref(), &[])?;
        controlled(&shared)?;
        Ok(page::login())
    })
    .await
}

/// `POST /login`.
pub(crate) async fn login(State(shared): State<Shared>, request: Request) -> Response {
    let done = async {
        let controlled = controlled(&shared)?;
        let (headers, caller, body) = read(request, FORM).await?;
        let form = Query::read(Some(&body), &["token"])?;
        let from = caller.map_or_else(String::new, |caller| caller.to_string());
        let name = controlled.sign_in(&headers, form.text("token").unwrap_or_default(), &from).inspect_err(
            |refused| {
                tracing::warn!(from, "somebody could not sign in: {}", refused.what);
            },
        )?;
        tracing::info!(who = name, from, "signed in");
        Ok(controlled.sessions.begin(name))
    };
    match done.await {
        Ok(id) => {
            let mut answer = see("/");
            set_cookie(&mut answer, Some(&id));
            answer
        }
        Err(refused) => page::refused(&refused),
    }
}

/// `POST /logout`.
pub(crate) async fn logout(State(shared): State<Shared>, request: Request) -> Response {
    let done = async {
        let controlled = controlled(&shared)?;
        let (headers, caller, body) = read(request, FORM).await?;
        let who = controlled.who(&headers, caller.as_ref())?;
        let form = Query::read(Some(&body), &[FORM_TOKEN])?;
        who.check_form(form.text(FORM_TOKEN).unwrap_or_default())?;
        if let Some(id) = session_id(&headers) {
            controlled.sessions.end(id);
        }
        Ok(())
    };
    match done.await {
        Ok(()) => {
            let mut answer = see("/");
            set_cookie(&mut answer, None);
            answer
        }
        Err(refused) => page::refused(&refused),
    }
}

/// Another page, to be read with GET. So a reload does nothing twice.
fn see(address: &str) -> Response {
    let mut answer = (StatusCode::SEE_OTHER, Body::empty()).into_response();
    if let Ok(address) = address.parse() {
        answer.headers_mut().insert(LOCATION, address);
    }
    answer
}

/// The parts of a request with a small body of this type.
async fn read(request: Request, wanted: &str) -> Answer<(HeaderMap, Option<Caller>, String)> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(wanted) {
        return Err(Refused::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("the body must be of the type {wanted}"),
        ));
    }
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| {
        Refused::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {MAX_BODY} bytes"))
    })?;
    let body =
        String::from_utf8(body.to_bytes().to_vec()).map_err(|_| Refused::wrong("the body is not UTF-8"))?;
    let caller = parts.extensions.get::<Caller>().cloned();
    Ok((parts.headers, caller, body))
}
