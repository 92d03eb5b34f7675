//! Takes `::text` and `::attr(name)` off the ends of the selectors in a list.
//!
//! Both come from Scrapy, and mean the same as there. They select something of an element, so what stands before them
//! is a common selector. `::text` is short for `*::text`, and `ul > ::text` for `ul > *::text`. With a space, as in
//! `ul ::text`, they select from the `ul` and from every element in it.

use cssparser::{Parser, Token};

use crate::Target;

/// The members of the list by what they select: each target once, with a list of CSS selectors.
pub(crate) fn members(css: &str) -> Result<Vec<(String, Target)>, String> {
    if css.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    if !css.contains("::") {
        return Ok(vec![(css.to_owned(), Target::Element)]);
    }
    let mut grouped: Vec<(String, Target)> = Vec::new();
    for (elements, target) in split(css)? {
        match grouped.iter_mut().find(|(_, known)| *known == target) {
            Some((list, _)) => {
                list.push_str(", ");
                list.push_str(&elements);
            }
            None => grouped.push((elements, target)),
        }
    }
    Ok(grouped)
}

fn split(css: &str) -> Result<Vec<(String, Target)>, String> {
    let mut parser = Parser::new(css);
    let mut members = Vec::new();
    let mut member = Member::starting_at(0);
    while let Ok(token) = parser.next_including_whitespace_and_comments().cloned() {
        // A comma and a colon have one byte. The parser skips what brackets hold only when it is asked for more.
        let end = parser.position().byte_index();
        let at = end - 1;
        match token {
            Token::Comma => {
                members.push(member.finish(&css[..at])?);
                member = Member::starting_at(end);
            }
            Token::Colon if css[at..].starts_with("::") => match target(&mut parser)? {
                Some(target) => member.end(at, target)?,
                None => member.take(&Token::Colon, end)?,
            },
            other => member.take(&other, end)?,
        }
    }
    members.push(member.finish(css)?);
    Ok(members)
}

/// The target behind the first of two colons, unless it is another pseudo-element.
fn target(parser: &mut Parser<'_>) -> Result<Option<Target>, String> {
    let state = parser.state();
    let _second_colon = parser.next_including_whitespace_and_comments();
    match parser.next_including_whitespace_and_comments().cloned() {
        Ok(Token::Ident(name)) if name.eq_ignore_ascii_case("text") => Ok(Some(Target::Text)),
        Ok(Token::Function(name)) if name.eq_ignore_ascii_case("attr") => {
            let name = parser.parse_nested_block(|inside| {
                let name = inside.expect_ident_or_string()?.to_string();
                inside.expect_exhausted()?;
                Ok::<_, cssparser::ParseError<()>>(name)
            });
            match name {
                Ok(name) => Ok(Some(Target::Attribute(name))),
                Err(_) => Err("`::attr(name)` takes the name of one attribute".to_owned()),
            }
        }
        _ => {
            parser.reset(&state);
            Ok(None)
        }
    }
}

/// A member of the list, while its tokens are read.
struct Member {
    start: usize,
    /// Where its last compound selector begins.
    compound: usize,
    last: Last,
    /// Whether the combinator before the last compound is white space.
    is_descendant: bool,
    /// Where `::text` or `::attr(name)` begins, and which it is.
    end: Option<(usize, Target)>,
}

/// The contents of the last compound selector.
#[derive(PartialEq)]
enum Last {
    Nothing,
    Star,
    More,
}

impl Member {
    fn starting_at(start: usize) -> Self {
        Self { start, compound: start, last: Last::Nothing, is_descendant: false, end: None }
    }

    /// The next token, which ends at `end`.
    fn take(&mut self, token: &Token<'_>, end: usize) -> Result<(), String> {
        match token {
            Token::Comment(_) => {}
            Token::WhiteSpace(_) => {
                if self.last != Last::Nothing && self.end.is_none() {
                    self.begin_compound(end, true);
                }
            }
            _ if self.end.is_some() => {
                return Err("`::text` and `::attr(name)` must be the end of a selector".to_owned());
            }
            Token::Delim('>' | '+' | '~') => self.begin_compound(end, false),
            Token::Delim('*') if self.last == Last::Nothing => self.last = Last::Star,
            _ => self.last = Last::More,
        }
        Ok(())
    }

    fn begin_compound(&mut self, at: usize, is_descendant: bool) {
        self.compound = at;
        self.is_descendant = is_descendant;
        self.last = Last::Nothing;
    }

    fn end(&mut self, at: usize, target: Target) -> Result<(), String> {
        if self.end.is_some() {
            return Err("a selector has only one `::text` or `::attr(name)`".to_owned());
        }
        self.end = Some((at, target));
        Ok(())
    }

    /// The member, with the text of the list up to its end.
    fn finish(self, list: &str) -> Result<(String, Target), String> {
        let Some((end, target)) = self.end else {
            let elements = list[self.start..].trim();
            if elements.is_empty() {
                return Err("a selector is missing before or after a comma".to_owned());
            }
            return Ok((elements.to_owned(), Target::Element));
        };
        let elements = list[self.start..end].trim_start();
        let elements = if self.last == Last::More {
            elements.to_owned()
        } else if self.is_descendant {
            let above = list[self.start..self.compound].trim();
            format!("{above}, {above} *")
        } else if self.last == Last::Star {
            elements.to_owned()
        } else {
            format!("{elements}*")
        };
        Ok((elements, target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(name: &str) -> Target {
        Target::Attribute(name.to_owned())
    }

    #[test]
    fn the_end_of_a_selector_says_what_it_selects() {
        for (css, elements, target) in [
            ("a", "a", Target::Element),
            ("a::text", "a", Target::Text),
            ("a::TEXT", "a", Target::Text),
            ("::text", "*", Target::Text),
            (" ::text ", "*", Target::Text),
            ("*::text", "*", Target::Text),
            ("ul ::text", "ul, ul *", Target::Text),
            ("ul.a  *::text", "ul.a, ul.a *", Target::Text),
            ("ul * b::text", "ul * b", Target::Text),
            ("ul *.a::text", "ul *.a", Target::Text),
            ("ul > *::text", "ul > *", Target::Text),
            ("ul>::text", "ul>*", Target::Text),
            ("ul > /* each */ ::text", "ul > /* each */ *", Target::Text),
            ("ul/**/::text", "ul/**/", Target::Text),
            ("a[href]::attr(href)", "a[href]", attribute("href")),
            ("a::attr( 'data-x' )", "a", attribute("data-x")),
            ("::attr(href)", "*", attribute("href")),
            ("p:has(a, b)::text", "p:has(a, b)", Target::Text),
            ("a[title='x::text, y']", "a[title='x::text, y']", Target::Element),
        ] {
            assert_eq!(members(css).unwrap(), [(elements.to_owned(), target)], "{css}");
        }
    }

    #[test]
    fn nothing_follows_the_end() {
        for css in [
            "a::text b",
            "a::text.x",
            "a::text::text",
            "a::attr(href)::text",
            "a::attr()",
            "a::attr(1)",
            "a::attr(a b)",
            "::text,",
            ",::text",
            "a::text > b",
        ] {
            assert!(members(css).is_err(), "{css}");
        }
        // The parser of CSS refuses these.
        for css in ["a::before", "p:is(a::text)", "a::text(x)"] {
            assert_eq!(members(css).unwrap().len(), 1, "{css}");
        }
    }
}
