//! The one rule for what is secret. Everything that leaves a crawl for people goes through it: logs, errors, reports,
//! endpoints, and what is stored about a run.
//!
//! A text is secret in three ways:
//!
//! - by its **name**: the value of `password`, `api_key` or `X-Auth-Token` ([`is_secret_name`]);
//! - by its **shape**: the password in a URL, `Bearer …`, the key of a known service ([`hide`]);
//! - because somebody **gave** it as a secret before: it is hidden wherever it turns up ([`remember`]).
//!
//! Requests are not texts for people. They are sent and kept in the frontier as they are.

mod given;
mod names;
mod shapes;

pub use given::{hide_given_in_url, remember};
pub use names::{is_credential_name, is_secret_name};
pub use shapes::{HIDDEN, hide, hide_in_json, hide_in_url, hide_value};
