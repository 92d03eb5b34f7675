//! Tracks what the store may hold in addition to the window, and the one ask for it that may be open.

use std::sync::Arc;

use dragline_core::store::RefillScope;

use super::in_hand::Ending;

/// See the module.
#[derive(Debug)]
pub(super) struct Backlog {
    next: NextScan,
    /// A host could not be registered, so only the store knows it. The scan must begin again.
    scan_again: bool,
    /// Whether the scan began with nothing in hand and has brought nothing so far.
    is_barren: bool,
    open: Option<Ask>,
}

/// How far the scan over all hosts has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum NextScan {
    /// It goes on after this host. `None` means that it begins.
    After(Option<String>),
    /// It has reached its end.
    Nothing,
}

/// An ask that is open.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// The hosts that it is about.
    pub(super) scope: RefillScope,
    /// The answer may not know what happened after this moment.
    pub(super) asked_at: Ending,
}

impl Backlog {
    /// At the start, nothing is known about the store.
    pub(super) fn new() -> Self {
        Self { next: NextScan::After(None), scan_again: false, is_barren: true, open: None }
    }

    pub(super) fn open(&self) -> Option<&Ask> {
        self.open.as_ref()
    }

    /// A host could not be registered.
    pub(super) fn missed_a_host(&mut self) {
        self.scan_again = true;
        self.is_barren = false;
    }

    /// Asks for these hosts.
    pub(super) fn ask_hosts(&mut self, names: &[Arc<str>], asked_at: Ending) -> RefillScope {
        let scope = RefillScope::Hosts(names.iter().map(|name| name.as_ref().to_owned()).collect());
        self.open = Some(Ask { scope: scope.clone(), asked_at });
        scope
    }

    /// Asks for the next hosts of the scan. At the end of the scan it asks for nothing, unless nothing is in hand. Then the
    /// scan begins once more, to make sure.
    pub(super) fn ask_next(&mut self, nothing_in_hand: bool, asked_at: Ending) -> Option<RefillScope> {
        if self.next == NextScan::Nothing && (self.scan_again || (nothing_in_hand && !self.is_barren)) {
            self.next = NextScan::After(None);
        }
        let NextScan::After(host) = &self.next else { return None };
        if host.is_none() {
            self.scan_again = false;
            self.is_barren = nothing_in_hand;
        }
        let scope = RefillScope::After(host.clone());
        self.open = Some(Ask { scope: scope.clone(), asked_at });
        Some(scope)
    }

    /// The answer has come. It says whether there was something, and where a scan goes on.
    pub(super) fn answered(&mut self, brought_something: bool, next_host: Option<String>) -> Option<Ask> {
        if brought_something {
            self.is_barren = false;
        }
        let ask = self.open.take()?;
        if matches!(ask.scope, RefillScope::After(_)) {
            self.next = next_host.map_or(NextScan::Nothing, |host| NextScan::After(Some(host)));
        }
        Some(ask)
    }

    /// Whether a scan over all hosts that began with nothing in hand has found nothing.
    pub(super) fn is_known_to_be_empty(&self) -> bool {
        self.open.is_none() && self.next == NextScan::Nothing && self.is_barren && !self.scan_again
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::in_hand::InHand;

    fn now() -> Ending {
        InHand::new(1).now()
    }

    #[test]
    fn a_scan_goes_from_host_to_host_and_begins_anew_with_nothing_in_hand() {
        let mut backlog = Backlog::new();
        assert_eq!(backlog.ask_next(true, now()), Some(RefillScope::After(None)));
        assert!(backlog.open().is_some());
        backlog.answered(true, Some("b:80".to_owned()));
        assert_eq!(backlog.ask_next(false, now()), Some(RefillScope::After(Some("b:80".to_owned()))));
        backlog.answered(false, None);
        assert_eq!(backlog.ask_next(false, now()), None);
        assert!(!backlog.is_known_to_be_empty());
        // All pages have their receipts, so this is the last look.
        assert_eq!(backlog.ask_next(true, now()), Some(RefillScope::After(None)));
        assert!(!backlog.is_known_to_be_empty());
        backlog.answered(false, None);
        assert!(backlog.is_known_to_be_empty());
        assert_eq!(backlog.ask_next(true, now()), None);
    }

    #[test]
    fn an_ask_for_hosts_does_not_move_the_scan() {
        let mut backlog = Backlog::new();
        backlog.ask_hosts(&["a:80".into()], now());
        backlog.answered(false, None);
        assert!(!backlog.is_known_to_be_empty());
        assert_eq!(backlog.ask_next(true, now()), Some(RefillScope::After(None)));
        backlog.answered(false, None);
        backlog.missed_a_host();
        assert!(!backlog.is_known_to_be_empty());
        assert_eq!(backlog.ask_next(false, now()), Some(RefillScope::After(None)));
    }
}
