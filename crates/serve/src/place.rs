//! Where a server runs, so that its successor in the same place can tell for certain that it is gone.

use std::fs;
use std::path::Path;

use dragline_core::schedules::NewServer;

/// The start of the machine and the process namespace. Empty where that is not known.
pub(crate) fn place() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    match (boot.trim(), namespace.to_str()) {
        ("", _) | (_, None | Some("")) => String::new(),
        (boot, Some(namespace)) => format!("{boot} {namespace}"),
    }
}

/// Whether a server has certainly ended: it was in this place, and no process here has its pid, except perhaps this one.
pub(crate) fn is_gone(server: &NewServer, here: &str) -> bool {
    let is_here = !here.is_empty() && server.place == here;
    is_here && (server.pid == std::process::id() || !Path::new(&format!("/proc/{}", server.pid)).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_place_is_known_to_be_gone() {
        let server = |pid, place: &str| NewServer {
            hostname: "h".to_owned(),
            pid,
            place: place.to_owned(),
            version: "1".to_owned(),
            listen: None,
        };
        let here = place();
        // Pids end far below this one.
        let nobody = 999_999_999;
        assert!(is_gone(&server(nobody, &here), &here) && is_gone(&server(std::process::id(), &here), &here));
        assert!(!is_gone(&server(1, &here), &here), "it runs");
        assert!(!is_gone(&server(nobody, "elsewhere"), &here));
        assert!(!is_gone(&server(nobody, ""), ""), "nobody knows");
    }
}
