//! What a container asks of the program in it: to be process 1, and to live within limits that are not the machine's.
//!
//! Both take privileges that tests run by a common user do not have. Where something could not be tested, that is said.

use std::io::Write as _;
use std::process::{Command, Stdio};

pub(crate) mod first_process;
mod limits;

/// Says that `what` could not be tested, past what keeps the output of tests that pass.
pub(crate) fn not_tested(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "NOT TESTED: {what}. {why}");
}

/// Whether this command succeeds here.
pub(crate) fn can(words: &[&str]) -> bool {
    let tried = Command::new(words[0]).args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}
