//! Versions of a track: the brackets at the end of a title that say who changed it, or how.

use super::artists::{self, Credit, Role};

/// A bracket with one of these words names a version.
const VERSION_WORDS: &str = "remix remixed rmx mix edit re-edit reedit rework refix remake reshape rerub re-rub reform reprise bootleg \
    flip dub version vip mashup mash-up instrumental acapella acappella interpretation \
    reinterpretation reconstruction reassembly remodel refit redux process extended live vocal tool cut cover \
    remaster remastered";
/// The words among them that follow the name of whoever made the version.
const MAKER_WORDS: &str = "remix rmx edit re-edit reedit rework refix remake reshape rerub re-rub reform bootleg flip \
    interpretation reinterpretation reconstruction reassembly remodel refit process";
/// Words that describe a version and are not names.
const PLAIN_WORDS: &str = "original extended radio club dub vocal instrumental album single short long full length live main \
    acid deep house techno tech disco trance ambient dj special bonus beatless acoustic alternate \
    alternative early late night new old school unreleased private video tv clean dirty explicit the a \
    re 7\" 12\" 7'' 12'' 7 12 inch 1 2 3 4 5 i ii iii iv v1 v2 part pt. vip mix remix edit rework \
    bootleg version mashup peak time warehouse festival intro outro digital vinyl us uk";

/// The brackets at the end of a title that name versions, without their brackets and from left to right.
///
/// ```
/// use dragline_spiders::catalogue::version::versions;
///
/// assert_eq!(versions("Transport (Carl Craig Remix) (DJ Deep Rework)"), ["Carl Craig Remix", "DJ Deep Rework"]);
/// assert!(versions("Oxygène (Part 4)").is_empty());
/// ```
pub fn versions(title: &str) -> Vec<&str> {
    let mut versions: Vec<&str> =
        groups(title).filter(|(_, group)| is_version(group)).map(|(_, group)| group.trim()).collect();
    versions.reverse();
    versions
}

/// A title without its versions and without the guests that it names in brackets at its end, and the versions.
///
/// ```
/// use dragline_spiders::catalogue::version::split;
///
/// let (title, versions) = split("Oxygène (Part 4) (feat. Somebody) (Carl Craig Remix)");
/// assert_eq!((title.as_str(), versions), ("Oxygène (Part 4)", vec!["Carl Craig Remix"]));
/// ```
pub fn split(title: &str) -> (String, Vec<&str>) {
    let start = groups(title).last().map_or(title, |(before, _)| before).trim_end();
    let is_name = |group: &&str| !is_version(group) && !artists::is_guests(group);
    let mut names: Vec<&str> = groups(title).map(|(_, group)| group).filter(is_name).collect();
    names.reverse();
    let name = names.iter().fold(start.to_owned(), |name, group| format!("{name} ({group})"));
    // A title that is nothing but a version is a title.
    if name.is_empty() { (title.to_owned(), Vec::new()) } else { (name, versions(title)) }
}

/// The brackets at the end of a title from right to left: what is before each, and what is in it.
fn groups(title: &str) -> impl Iterator<Item = (&str, &str)> {
    std::iter::successors(last_group(title.trim_end()), |(before, _)| last_group(before.trim_end()))
}

/// The artists who made the versions of a title.
pub fn remixers(title: &str) -> Vec<Credit> {
    let mut credits: Vec<Credit> = Vec::new();
    for version in versions(title) {
        for name in makers(version) {
            if !credits.iter().any(|credit| credit.name == name) {
                credits.push(Credit { name, role: Role::Remixer });
            }
        }
    }
    credits
}

/// Whether the text in a bracket names a version.
pub(crate) fn is_version(group: &str) -> bool {
    let words = group.to_lowercase();
    words.contains("a cappella")
        || words.split_whitespace().any(|word| is_in(VERSION_WORDS, word.trim_matches(['.', ',', '!'])))
}

/// Whether one word in a square bracket, where a label would be, names a version: `[Live]`.
pub(crate) fn is_version_mark(word: &str) -> bool {
    is_in("live acapella acappella instrumental remix mashup bootleg", &word.to_lowercase())
}

/// The names in one version.
fn makers(version: &str) -> Vec<String> {
    let words: Vec<&str> = version.split_whitespace().collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    // `Helston Flora Remix By AFX`: only the name behind it is certain.
    if let Some(by) = lower.iter().position(|word| word == "by").filter(|by| *by > 0) {
        return artists::names(&words[by + 1..].join(" "), &[]);
    }
    // `Martyn's 131 Remix`: whose it is, even if it is a mix or a dub.
    if let Some(owner) = words.iter().position(|word| word.ends_with("'s") || word.ends_with("’s")) {
        let owner_name = words[..=owner].join(" ");
        let is_followed = lower[owner + 1..].iter().any(|word| is_in(VERSION_WORDS, word));
        let bare = owner_name.trim_end_matches('s').trim_end_matches(['\'', '’']);
        if is_followed && !is_plain(&lower[..owner]) {
            return artists::names(bare, &[]);
        }
    }
    // `Paul Boex' Hypno Rework`
    if let Some(owner) = words.iter().position(|word| {
        word.trim_end_matches(['\'', '’']).ends_with(['s', 'x', 'z']) && word.ends_with(['\'', '’'])
    }) {
        let is_followed = lower[owner + 1..].iter().any(|word| is_in(VERSION_WORDS, word));
        // A quote that opens before it is not an apostrophe: `12'' Mix`, `The 'Dark' Mix`.
        let is_quoted =
            words[..=owner].iter().any(|word| word.starts_with(['\'', '‘'])) || words[owner].ends_with("''");
        if is_followed && !is_quoted {
            return artists::names(words[..=owner].join(" ").trim_end_matches(['\'', '’']), &[]);
        }
    }
    let Some(maker) = lower.iter().rposition(|word| is_in(MAKER_WORDS, word)) else {
        return Vec::new();
    };
    // `Ewan Pearson Extended Remix`: plain words between the name and the word for its work are not the name's.
    let named = (0..maker).rev().find(|at| !is_in(PLAIN_WORDS, &lower[*at])).map_or(0, |at| at + 1);
    // `Azari & III Remix`: behind `&`, a plain word is a name as well.
    let named = if named > 0 && named < maker && is_in("& + and", &lower[named - 1]) { maker } else { named };
    if named == 0 { Vec::new() } else { artists::names(&words[..named].join(" "), &[]) }
}

/// Whether a list of words has this one.
fn is_in(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|listed| listed == word)
}

fn is_plain(words: &[String]) -> bool {
    !words.is_empty() && words.iter().all(|word| is_in(PLAIN_WORDS, word))
}

/// The last bracket of a text that ends with one, and what is before it.
fn last_group(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_suffix(')')?;
    let mut depth = 1_usize;
    for (at, c) in inner.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..at], &inner[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_the_brackets_at_the_end() {
        for (title, expected) in [
            ("Glue", vec![]),
            ("Glue (Original Mix)", vec!["Original Mix"]),
            (
                "Transport (Carl Craig Remix) (DJ Deep & Roman Poncet Rework)",
                vec!["Carl Craig Remix", "DJ Deep & Roman Poncet Rework"],
            ),
            ("Water (feat. Clara La San) (Dub)", vec!["Dub"]),
            ("La Real (Part 3)", vec![]),
            ("Mathilda (Structure 1)", vec![]),
            ("(I) Remix", vec![]),
            ("I Have A Dream (Acappella)", vec!["Acappella"]),
            ("X (Y (Z) Remix)", vec!["Y (Z) Remix"]),
            ("X) Remix)", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(versions(title), expected, "{title}");
        }
    }

    #[test]
    fn remixers_are_named_and_plain_words_are_not_remixers() {
        for (title, expected) in [
            ("x (Original Mix)", vec![]),
            ("x (Extended Remix)", vec![]),
            ("x (Radio Edit)", vec![]),
            ("x (Remix)", vec![]),
            ("x (Floatation Mix)", vec![]),
            ("x (Truncate Remix)", vec!["Truncate"]),
            ("x (Floorplan Remix 1)", vec!["Floorplan"]),
            ("x (Ewan Pearson Extended Remix)", vec!["Ewan Pearson"]),
            ("x (Tale Of Us & Mano Le Tough Remix)", vec!["Tale Of Us", "Mano Le Tough"]),
            ("x (Martyn's 131 Remix)", vec!["Martyn"]),
            ("x (Jamie Vex'd Remix)", vec!["Jamie Vex'd"]),
            ("x (Roy's Maximum Deathwish Mix)", vec!["Roy"]),
            ("x (Helston Flora Remix By AFX)", vec!["AFX"]),
            (
                "x (Carl Craig Remix) (DJ Deep & Roman Poncet Rework)",
                vec!["Carl Craig", "DJ Deep", "Roman Poncet"],
            ),
            ("x (DJ Rolando Edit) (DJ Rolando Edit)", vec!["DJ Rolando"]),
            ("x (Ben Klock Process)", vec!["Ben Klock"]),
            ("x (Remixed By Spasms)", vec!["Spasms"]),
            ("x (Paul Boex' Hypno Rework)", vec!["Paul Boex"]),
            ("x (Smokin' Posties Remix)", vec!["Smokin' Posties"]),
            ("x ('Dark Skies' Mix)", vec![]),
            ("x (12'' Mix)", vec![]),
            ("x (Azari & III Remix)", vec!["Azari & III"]),
        ] {
            let found: Vec<String> = remixers(title).into_iter().map(|credit| credit.name).collect();
            assert_eq!(found, expected, "{title}");
        }
    }
}
