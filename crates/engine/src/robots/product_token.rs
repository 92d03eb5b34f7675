//! Product tokens: the names of crawlers in robots.txt (RFC 9309 §2.2.1).

/// Which crawler a `User-agent` line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Every crawler that is not named.
    All,
    /// This crawler.
    Us,
    /// Another crawler.
    Other,
}

/// Which crawler a line with this value is about, from the point of view of `agent`.
///
/// In the RFC, tokens consist of letters, `_` and `-`, and the rest of a line is ignored. So `Foobot/2.1` is about `foobot`. Some
/// names have other characters (`2bot`). Such a crawler finds its name as it is written.
pub(super) fn about(value: &[u8], agent: &str) -> About {
    if value.first() == Some(&b'*') && value.get(1).is_none_or(u8::is_ascii_whitespace) {
        return About::All;
    }
    let is_plain = agent.bytes().all(is_of_token);
    let is_of_name = |byte: &&u8| is_of_token(**byte) || !is_plain && is_of_odd_name(**byte);
    let length = value.iter().take_while(is_of_name).count();
    let is_us = length > 0 && value[..length].eq_ignore_ascii_case(agent.as_bytes());
    if is_us { About::Us } else { About::Other }
}

/// The token in a `User-Agent` header: its first product, or the `compatible` one if the header imitates a browser.
pub fn product_token(user_agent: &str) -> &str {
    let disguised = user_agent.split_once("(compatible;").map(|(_, rest)| rest.trim_start());
    let product = disguised.unwrap_or(user_agent);
    let end = product.bytes().position(|byte| !is_of_token(byte) && !is_of_odd_name(byte));
    &product[..end.unwrap_or(product.len())]
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-')
}

fn is_of_odd_name(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_to_the_token_and_compared_whole() {
        for (value, agent, expected) in [
            ("*", "foo", About::All),
            ("* all of you", "foo", About::All),
            ("*foo", "foo", About::Other),
            ("FOO", "foo", About::Us),
            ("foo bar", "Foo", About::Us),
            ("Foo/2.1 (x)", "foo", About::Us),
            ("foo*", "foo", About::Us),
            ("foobar", "foo", About::Other),
            ("foo", "foobar", About::Other),
            ("foo-news", "foo", About::Other),
            ("foo bar", "foo bar", About::Other),
            ("2bot", "2Bot", About::Us),
            ("2bot/1", "2bot", About::Us),
            ("3bot", "2bot", About::Other),
            ("MJ12bot", "mj12bot", About::Us),
            ("", "", About::Other),
            ("*", "*", About::All),
            ("J\u{e4}vla", "j", About::Us),
            ("J\u{e4}vla", "j\u{e4}vla", About::Us),
        ] {
            assert_eq!(about(value.as_bytes(), agent), expected, "{value:?} for {agent:?}");
        }
    }

    #[test]
    fn the_token_is_found_in_the_header() {
        for (header, token) in [
            ("dragline/0.1.0 (crawler)", "dragline"),
            ("Mozilla/5.0 (compatible; AcmeBot/2.0; +https://acme.example/bot)", "AcmeBot"),
            ("acme_news-bot", "acme_news-bot"),
            ("2bot/1", "2bot"),
            ("Mozilla/5.0 (Windows NT 10.0) Gecko/20100101", "Mozilla"),
            ("(odd)", ""),
        ] {
            assert_eq!(product_token(header), token);
        }
    }
}
