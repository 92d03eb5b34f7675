//! Our own outage: the network, the proxy of the run or this machine fails, so no host can be reached. Then the failures are not
//! those of the hosts and requests. The requests stay queued, and the crawl pauses until an answer comes.
//!
//! ```text
//!        no answer from a host                   several hosts, and nobody answers
//!   up ───────────────────────► doubted ────────────────────────────────────────────► out
//!   ▲ ▲   an answer over a new     │                                                 ▲ │
//!   │ └────────────────────────────┘     no descriptors, or the run's proxy is away  │ │
//!   │   what failed is judged now        ────────────────────────────────────────────┘ │
//!   └──────────────────────────────────────────────────────────────────────────────────┘
//!                         a probe is answered; what failed is queued again
//! ```
//!
//! | file | question |
//! |---|---|
//! | `link` | is it our outage? |
//! | `canaries` | which host can tell? |
//! | `log` | what does the log say? |
//!
//! A host that fails while others answer is charged as always, and later failures of it say nothing about the network. One
//! or two hosts are too few to tell: their own pauses apply (`pace/breaker`). A doubt never lasts long. A host that has answered
//! before is asked for its robots.txt; if it answers, the doubt is over.

mod canaries;
mod link;
mod log;
mod settings;

pub(crate) use self::link::{Failed, Judgement, Link, News, Step};
pub use self::settings::OutageSettings;
