//! Finding the page that the store refuses: halve the batch until it stands alone. Pure: who flushes the
//! pieces is not known here.
//!
//! One guilty page in a batch of n costs at most 2·⌈log2 n⌉ + 1 transactions beyond the first: two halves at
//! each level, and the page once more as a dead one.

use std::mem;

use dragline_core::outcome::{DeadLetter, clean};
use dragline_core::serde_json::{Value as Json, json};
use dragline_core::{PageOutcome, QueuedRequest};

/// The longest error text that the smallest letter keeps.
const MINIMAL_ERROR_CHARS: usize = 200;

/// What is left of a batch, first to last.
#[derive(Debug)]
pub(super) struct Pieces(Vec<Piece>);

/// A part of a batch that is flushed in one transaction.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) outcomes: Vec<PageOutcome>,
    relief: Relief,
}

/// What was already taken from a page that stands alone, so that the store may accept the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relief {
    /// Nothing.
    Whole,
    /// Its items: they are dead letters. This is the rule, the others should not happen.
    Items,
    /// Its new requests: they are dead letters too.
    Requests,
    /// Everything but one letter that says so.
    Everything,
}

/// A page that the store refuses in every form.
#[derive(Debug)]
pub(super) struct Unstorable(pub(super) Piece);

impl Pieces {
    pub(super) fn of(outcomes: Vec<PageOutcome>) -> Self {
        let mut pieces = Self(Vec::new());
        pieces.push(Piece { outcomes, relief: Relief::Whole });
        pieces
    }

    /// The piece to flush next.
    pub(super) fn next(&mut self) -> Option<Piece> {
        self.0.pop()
    }

    /// Takes back a piece that was refused: in halves or, when it is one page, with less in it.
    pub(super) fn refused(
        &mut self,
        mut piece: Piece,
        error: &str,
        sqlstate: Option<&str>,
    ) -> Result<(), Unstorable> {
        let half = piece.outcomes.len() / 2;
        if half > 0 {
            let second = piece.outcomes.split_off(half);
            self.push(Piece { outcomes: second, relief: Relief::Whole });
            self.push(piece);
            return Ok(());
        }
        if !piece.relieve(error, sqlstate) {
            return Err(Unstorable(piece));
        }
        self.push(piece);
        Ok(())
    }

    fn push(&mut self, piece: Piece) {
        if !piece.outcomes.is_empty() {
            self.0.push(piece);
        }
    }
}

impl Piece {
    /// Takes from the one page here what the store may have refused. `false` when nothing is left to take.
    fn relieve(&mut self, error: &str, sqlstate: Option<&str>) -> bool {
        let Some(page) = self.outcomes.first_mut() else { return false };
        self.relief = match self.relief {
            Relief::Whole => {
                page.kill(error, sqlstate);
                Relief::Items
            }
            Relief::Items => {
                let requests = mem::take(&mut page.requests);
                page.dead_letters
                    .extend(requests.iter().map(|queued| request_letter(queued, error, sqlstate)));
                Relief::Requests
            }
            Relief::Requests => {
                let error: String = clean(error).chars().take(MINIMAL_ERROR_CHARS).collect();
                let letters = page.dead_letters.len();
                page.requests.clear();
                page.error = Some(error.clone());
                page.dead_letters = vec![DeadLetter {
                    item_type: "page".to_owned(),
                    payload: json!({ "letters_refused": letters }),
                    error,
                    sqlstate: sqlstate.map(str::to_owned),
                }];
                Relief::Everything
            }
            Relief::Everything => return false,
        };
        true
    }
}

/// A new request that the store refuses, so that it is not lost without a trace.
fn request_letter(queued: &QueuedRequest, error: &str, sqlstate: Option<&str>) -> DeadLetter {
    DeadLetter {
        item_type: "request".to_owned(),
        payload: json!({
            "url": queued.request.url().as_str(),
            "method": queued.request.method().as_str(),
            "tag": clean(queued.request.tag_str()),
            "meta": clean(&Json::Object(queued.request.meta_map().clone()).to_string()),
        }),
        error: clean(error),
        sqlstate: sqlstate.map(str::to_owned),
    }
}
