//! The routes. All of them only read, except for those of actions.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use tokio::time::timeout;

use crate::answer::Refused;
use crate::bound::Caller;
use crate::control::VIEWER;
use crate::forms;
use crate::guard::{check_host, protect};
use crate::limits::{MAX_TARGET_BYTES, REQUEST_TIMEOUT};
use crate::shared::Shared;
use crate::{Board, api, assets, page};

impl Board {
    /// The routes of the board. They expect to be called on a runtime with several threads, because the SQLite store blocks in place.
    pub fn router(&self) -> Router {
        let shared = Shared::of(self);
        let mut router = Router::new()
            .route("/", get(page::home))
            .route("/runs", get(page::runs))
            .route("/runs/{id}", get(page::run))
            .route("/spiders", get(page::spiders))
            .route("/spiders/{name}", get(page::spider))
            .route("/schedules", get(page::schedules))
            .route("/schedules/{name}", get(page::schedule))
            .route("/items", get(page::item_kinds))
            .route("/items/{item}", get(page::items))
            .route("/assets/board.css", get(assets::style))
            .route("/assets/board.js", get(assets::script))
            .route("/api/v1/openapi.json", get(api::openapi))
            .route("/api/v1/overview", get(api::overview))
            .route("/api/v1/runs", get(api::runs))
            .route("/api/v1/runs/{id}", get(api::run))
            .route("/api/v1/runs/{id}/log", get(api::log))
            .route("/api/v1/spiders", get(api::spiders))
            .route("/api/v1/spiders/{name}", get(api::spider))
            .route("/api/v1/schedules", get(api::schedules))
            .route("/api/v1/schedules/{name}", get(api::schedule))
            .route("/api/v1/items", get(api::item_kinds))
            .route("/api/v1/items/{item}", get(api::items))
            .route("/api/v1/events", get(api::events));
        if shared.controlled.is_some() {
            router = router
                .route("/actions", get(forms::page_of_all).post(forms::act_by_form))
                .route("/actions/{id}", get(forms::page_of_one))
                .route("/login", get(forms::login_page).post(forms::login))
                .route("/logout", post(forms::logout))
                .route("/api/v1/actions", get(forms::list).post(forms::act));
        }
        router
            .fallback(missing)
            .method_not_allowed_fallback(only_reads)
            .layer(middleware::from_fn_with_state(shared.clone(), guarded))
            .with_state(shared)
    }
}

/// Every request passes here.
async fn guarded(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let is_for_programs = request.uri().path().starts_with("/api");
    let caller = request.extensions().get::<Caller>();
    let viewer =
        shared.controlled.as_ref().map(|it| it.viewer(request.headers(), caller)).unwrap_or_default();
    let mut answer = VIEWER
        .scope(viewer, async {
            match admitted(&shared, request, next).await {
                Ok(answer) => answer,
                Err(refused) if is_for_programs => refused.into_json(),
                Err(refused) => page::refused(&refused),
            }
        })
        .await;
    protect(&mut answer);
    answer
}

async fn admitted(shared: &Shared, request: Request, next: Next) -> Result<Response, Refused> {
    check_host(&request, &shared.board.hosts)?;
    if request.uri().to_string().len() > MAX_TARGET_BYTES {
        return Err(Refused::wrong("the address is too long"));
    }
    let Ok(_permit) = shared.requests.try_acquire() else {
        return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once")
            .hint("reload the page in a moment"));
    };
    timeout(REQUEST_TIMEOUT, next.run(request)).await.map_err(|_| {
        Refused::new(StatusCode::GATEWAY_TIMEOUT, "the answer took too long").hint("reload the page later")
    })
}

async fn missing(request: Request) -> Response {
    let refused = Refused::missing("there is no such page").hint("begin at /");
    if request.uri().path().starts_with("/api") { refused.into_json() } else { page::refused(&refused) }
}

async fn only_reads(request: Request) -> Response {
    let refused = Refused::new(StatusCode::METHOD_NOT_ALLOWED, "nothing can be done here with this method");
    if request.uri().path().starts_with("/api") { refused.into_json() } else { page::refused(&refused) }
}
