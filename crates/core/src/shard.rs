//! Shards: a run's requests, divided by host.
//!
//! All requests of one host are in one shard, so several workers can share a run by shards, while only one worker sets the pace
//! of each host. A run's rule is stored with the run and never changes, because the shard is part of a request's key.

use sha2::{Digest, Sha256};

/// How the requests of a run are divided into shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardRule {
    /// Every request is in shard 0. Runs that began under an older schema have this rule.
    One,
    /// The first two bytes of the SHA-256 digest of `host:port`, read as a big-endian number, modulo 1,024.
    HostDigest,
}

impl ShardRule {
    /// All rules.
    pub const ALL: [Self; 2] = [Self::One, Self::HostDigest];

    /// The rule of a run that begins now.
    pub const NEW: Self = Self::HostDigest;

    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::HostDigest => "sha256-host",
        }
    }

    /// From its stored form; `None` for a rule that this program does not know.
    pub fn parse(code: &str, shards: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code && rule.shards() == shards)
    }

    /// How many shards there are; they are numbered from 0.
    pub fn shards(self) -> i16 {
        match self {
            Self::One => 1,
            Self::HostDigest => 1_024,
        }
    }

    /// The shard of a host (`host:port`).
    pub fn shard_of(self, host: &str) -> i16 {
        match self {
            Self::One => 0,
            Self::HostDigest => {
                let digest = Sha256::digest(host.as_bytes());
                // 1,024 divides 65,536, so the remainder is the lower ten bits and always fits.
                i16::from_be_bytes([digest[0] & 0b11, digest[1]])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_gives_the_same_shard_for_ever() {
        for host in ["a.example:80", "b.example:443", "127.0.0.1:8080", ""] {
            let digest = Sha256::digest(host.as_bytes());
            let number = u16::from_be_bytes([digest[0], digest[1]]) % 1_024;
            assert_eq!(i32::from(ShardRule::HostDigest.shard_of(host)), i32::from(number), "{host}");
            assert_eq!(ShardRule::One.shard_of(host), 0);
        }
        // `printf a.example:80 | sha256sum` begins with 8407, and the digest of no bytes with e3b0.
        assert_eq!(ShardRule::HostDigest.shard_of("a.example:80"), 0x0007);
        assert_eq!(ShardRule::HostDigest.shard_of(""), 0x03b0);
    }

    #[test]
    fn a_stored_rule_is_read_back_or_refused() {
        for rule in ShardRule::ALL {
            assert_eq!(ShardRule::parse(rule.code(), rule.shards()), Some(rule));
        }
        assert_eq!(ShardRule::parse("sha256-host", 2_048), None);
        assert_eq!(ShardRule::parse("by-moon", 1), None);
    }
}
