//! Actions: what a person may do on the page, if the operator allows it.
//!
//! | question | file |
//! |---|---|
//! | what can be done? | `action.rs` |
//! | who may do it? | `tokens.rs`, `sessions.rs`, `who.rs` |
//! | what was done, by whom, and how did it end? | `journal.rs` |
//! | which requests ask for it? | `forms.rs` outside of this folder |
//!
//! Without [`Controls`], none of these routes exists, and no page has a button.

mod action;
mod journal;
mod sessions;
mod tokens;
mod who;

use std::sync::Arc;

use crate::read::Answer;

pub use self::action::{Action, ActionRefused, Control};
pub(crate) use self::journal::ActionView;
use self::journal::Journal;
use self::sessions::Sessions;
pub use self::tokens::{Token, TokenError};
pub(crate) use self::who::{FORM_TOKEN, VIEWER, session_id, set_cookie, viewer};

/// What the operator allows.
#[derive(Clone)]
pub struct Controls {
    /// Does what is asked.
    pub control: Arc<dyn Control>,
    /// The tokens of those who may ask. A process that may open the Unix socket of the page needs none.
    pub tokens: Vec<Token>,
}

/// The state of everything here.
pub(crate) struct Controlled {
    control: Arc<dyn Control>,
    tokens: tokens::Tokens,
    pub(crate) sessions: Sessions,
    pub(crate) journal: Journal,
}

impl Controlled {
    /// Does it, unless a request of the same person with this key has done it already.
    pub(crate) async fn act(&self, action: Action, who: &str, key: Option<String>) -> Answer<ActionView> {
        self.journal.act(&self.control, action, who, key).await
    }

    pub(crate) fn new(controls: Controls) -> Self {
        Self {
            control: controls.control,
            tokens: tokens::Tokens::new(controls.tokens),
            sessions: Sessions::default(),
            journal: Journal::default(),
        }
    }
}
