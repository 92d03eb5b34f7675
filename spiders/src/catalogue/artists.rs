//! Credits: the names in a text such as `Surgeon & Regis feat. Karl O'Connor`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use dragline::normalize::name_key_v1;
use serde::Serialize;

/// What somebody did on a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is their track.
    Primary,
    /// Named after `feat.`, `ft.` or `featuring`.
    Featured,
    /// Made this version of it.
    Remixer,
}

/// A name and what its bearer did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Credit {
    /// As it is written.
    pub name: String,
    /// What they did.
    pub role: Role,
}

impl Role {
    /// Its name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Featured => "featured",
            Self::Remixer => "remixer",
        }
    }
}

/// Acts whose names contain what otherwise stands between two names. They are compared by [`name_key_v1`]. Add the ones that you
/// miss; nothing can tell them from two artists except that somebody knows them.
const ACTS: &[&str] = &[
    "Above & Beyond",
    "Aly & Fila",
    "Angus & Julia Stone",
    "Ashford & Simpson",
    "Azari & III",
    "Belle & Sebastian",
    "Blank & Jones",
    "Blood, Sweat & Tears",
    "Bob Marley & The Wailers",
    "C & C Music Factory",
    "Chase & Status",
    "Crosby, Stills & Nash",
    "Dimitri Vegas & Like Mike",
    "Earth, Wind & Fire",
    "Echo & The Bunnymen",
    "Emerson, Lake & Palmer",
    "Eric B. & Rakim",
    "Filo & Peri",
    "Florence + The Machine",
    "Gabriel & Dresden",
    "Godley & Creme",
    "Grandmaster Flash & The Furious Five",
    "Hall & Oates",
    "Hercules & Love Affair",
    "Huey Lewis & The News",
    "Jam & Spoon",
    "Joan Jett & The Blackhearts",
    "Joey Negro & The Sunburst Band",
    "KC & The Sunshine Band",
    "Kool & The Gang",
    "Kruder & Dorfmeister",
    "Layo & Bushwacka!",
    "Loco & Jam",
    "Martha & The Vandellas",
    "Matt & Kim",
    "Milk & Sugar",
    "Mumford & Sons",
    "Nice & Smooth",
    "Nick Cave & The Bad Seeds",
    "Pete Rock & CL Smooth",
    "Peter, Paul & Mary",
    "Pig & Dan",
    "Prince & The Revolution",
    "Rhythm & Sound",
    "Simon & Garfunkel",
    "Simon & Shaker",
    "Siouxsie & The Banshees",
    "Sly & Robbie",
    "Sly & The Family Stone",
    "Smith & Hack",
    "Smith & Mighty",
    "Smokey Robinson & The Miracles",
    "Sonny & Cher",
    "Super8 & Tab",
    "T & T Music Factory",
    "Tom & Jerry",
    "Tom & Joyce",
    "Tyler, The Creator",
    "Wolf + Lamb",
];

/// The words that stand between two names of equal rank. Each is surrounded by spaces, except the comma.
const JOINERS: &[&str] =
    &[", ", " & ", " + ", " x ", " × ", " vs. ", " vs ", " versus ", " / ", " b2b ", " pres. ", " presents "];
/// The words before the names of guests.
const GUEST_MARKERS: &[&str] = &["feat.", "feat", "featuring", "ft.", "ft"];
/// More names than this in one text stay together in the last one.
const MAX_NAMES: usize = 100;
/// The most joiners in the name of an act, plus one.
const MAX_ACT_PARTS: usize = 4;

/// The names in a text, in order and without repetitions. Known acts stay whole: those of a list, and those of `others` (for
/// example the categories of a page).
///
/// ```
/// use dragline_spiders::catalogue::artists::names;
///
/// assert_eq!(names("Sasha & John Digweed", &[]), ["Sasha", "John Digweed"]);
/// assert_eq!(names("Above & Beyond, Sasha", &[]), ["Above & Beyond", "Sasha"]);
/// assert_eq!(names("Dub & Wheel", &["Dub & Wheel"]), ["Dub & Wheel"]);
/// ```
pub fn names(text: &str, others: &[&str]) -> Vec<String> {
    static ACT_KEYS: LazyLock<BTreeSet<String>> =
        LazyLock::new(|| ACTS.iter().map(|act| name_key_v1(act)).collect());
    let parts = parts(text);
    let other_keys: BTreeSet<String> = others.iter().map(|act| name_key_v1(act)).collect();
    let is_act = |name: &str| {
        let key = name_key_v1(name);
        ACT_KEYS.contains(&key) || other_keys.contains(&key)
    };
    let mut names: Vec<String> = Vec::new();
    let mut first = 0;
    while first < parts.len() {
        // The longest run of parts that is an act; otherwise one part.
        let longest = parts.len().min(first + MAX_ACT_PARTS);
        let last = (first + 1..longest).rev().find(|last| is_act(span(text, &parts, first, *last)));
        let name = clean(span(text, &parts, first, last.unwrap_or(first)));
        first = last.unwrap_or(first) + 1;
        if !name.is_empty() && !is_unknown(name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The credits in the text before the title: the artists, and their guests.
pub fn of_artist(text: &str, others: &[&str]) -> Vec<Credit> {
    // `Ft. Worth` is a place.
    let (main, guests) =
        Some(split_guests(text)).filter(|(main, _)| !main.trim().is_empty()).unwrap_or((text, ""));
    let primary = names(main, others).into_iter().map(|name| Credit { name, role: Role::Primary });
    let featured = names(guests, others).into_iter().map(|name| Credit { name, role: Role::Featured });
    primary.chain(featured).collect()
}

/// The guests that a title names in brackets: `Water (feat. Clara La San)`.
pub fn of_title(title: &str) -> Vec<Credit> {
    let groups = title.split(['(', '[']).skip(1).filter_map(|rest| rest.split([')', ']']).next());
    let guests = groups.filter(|group| is_guests(group)).map(|group| split_guests(group).1);
    let featured = guests.flat_map(|guests| names(guests, &[]));
    featured.map(|name| Credit { name, role: Role::Featured }).collect()
}

/// Whether the text in a bracket names guests: `feat. Clara La San`.
pub(crate) fn is_guests(group: &str) -> bool {
    let (before, guests) = split_guests(group);
    before.trim().is_empty() && !guests.is_empty()
}

/// Whether somebody wrote that nobody knows: `?`, `??`, `ID`, `N/A`, `Unknown`, `Unknown Artist`.
pub(crate) fn is_unknown(text: &str) -> bool {
    const WORDS: [&str; 4] = ["Unknown", "Unknown Artist", "Unknown Track", "Unknown Title"];
    let text = text.trim();
    matches!(text, "ID" | "N/A")
        || WORDS.iter().any(|words| words.eq_ignore_ascii_case(text))
        || (!text.is_empty() && text.bytes().all(|byte| byte == b'?'))
}

/// What stands before and after `feat.`, in a bracket or not.
fn split_guests(text: &str) -> (&str, &str) {
    let mut start = 0;
    for word in text.split(' ') {
        let bare = word.trim_start_matches(['(', '[']);
        if GUEST_MARKERS.iter().any(|marker| bare.eq_ignore_ascii_case(marker)) {
            let guests = text[start + word.len()..].trim();
            let is_bracketed = bare.len() < word.len();
            return (&text[..start], if is_bracketed { guests.trim_end_matches([')', ']']) } else { guests });
        }
        start += word.len() + 1;
    }
    (text, "")
}

/// Where the parts between joiners begin and end. Joiners in brackets don't count.
fn parts(text: &str) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    let (mut start, mut at, mut depth) = (0, 0, 0_usize);
    while at < text.len() {
        let rest = &text[at..];
        let joiner = JOINERS
            .iter()
            .find(|joiner| rest.get(..joiner.len()).is_some_and(|found| found.eq_ignore_ascii_case(joiner)));
        match (joiner, rest.chars().next()) {
            (Some(joiner), _) if depth == 0 && parts.len() < MAX_NAMES => {
                parts.push((start, at));
                // The space behind a joiner may be the one before the next.
                start = at + joiner.trim_end().len();
                at = start;
            }
            (_, Some(c)) => {
                depth = match c {
                    '(' | '[' => depth + 1,
                    ')' | ']' => depth.saturating_sub(1),
                    _ => depth,
                };
                at += c.len_utf8();
            }
            (_, None) => break,
        }
    }
    parts.push((start, text.len()));
    parts
}

fn span<'t>(text: &'t str, parts: &[(usize, usize)], first: usize, last: usize) -> &'t str {
    text[parts[first].0..parts[last].1].trim()
}

fn clean(name: &str) -> &str {
    name.trim_matches(|c: char| c.is_whitespace() || c == ',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_at_joiners_but_acts_stay_whole() {
        for (text, expected) in [
            ("Surgeon", vec!["Surgeon"]),
            ("Mölly, Hessian & Afnan Prince", vec!["Mölly", "Hessian", "Afnan Prince"]),
            ("Ruf Dug b2b Daniel John Willis", vec!["Ruf Dug", "Daniel John Willis"]),
            ("M.A.N.D.Y. vs. Booka Shade", vec!["M.A.N.D.Y.", "Booka Shade"]),
            ("Parris Mitchell / DJ Funk", vec!["Parris Mitchell", "DJ Funk"]),
            ("Speedy J + George Issakidis", vec!["Speedy J", "George Issakidis"]),
            ("Larry Heard pres. Mr. White", vec!["Larry Heard", "Mr. White"]),
            ("Earth, Wind & Fire", vec!["Earth, Wind & Fire"]),
            ("Tyler, The Creator, Above and Beyond", vec!["Tyler, The Creator", "Above and Beyond"]),
            ("Sasha, ABOVE & BEYOND & Sasha", vec!["Sasha", "ABOVE & BEYOND"]),
            ("W&W", vec!["W&W"]),
            ("Ø [Phase, X] & Rødhad", vec!["Ø [Phase, X]", "Rødhad"]),
            ("ID & Bicep", vec!["Bicep"]),
            ("Unknown Artist vs. Bicep", vec!["Bicep"]),
            ("Rhythm & Sound, Tikiman", vec!["Rhythm & Sound", "Tikiman"]),
            ("?", vec![]),
            ("", vec![]),
            (" , & ", vec![]),
        ] {
            assert_eq!(names(text, &[]), expected, "{text:?}");
        }
        assert_eq!(names("Dub & Wheel, Batu", &["Dub & Wheel"]), ["Dub & Wheel", "Batu"]);
    }

    #[test]
    fn guests_have_a_role_of_their_own() {
        let credits =
            |text| of_artist(text, &[]).into_iter().map(|it| (it.name, it.role)).collect::<Vec<_>>();
        let expected = |primary: &[&str], featured: &[&str]| {
            let primary = primary.iter().map(|name| ((*name).to_owned(), Role::Primary));
            primary
                .chain(featured.iter().map(|name| ((*name).to_owned(), Role::Featured)))
                .collect::<Vec<_>>()
        };
        for (text, primary, featured) in [
            ("Bicep ft. Clara La San", vec!["Bicep"], vec!["Clara La San"]),
            ("Collabs Feat. Speedy J & Chris Liebing", vec!["Collabs"], vec!["Speedy J", "Chris Liebing"]),
            ("Shy FX & T Power feat. Di", vec!["Shy FX", "T Power"], vec!["Di"]),
            ("Bedrock (featuring KYO)", vec!["Bedrock"], vec!["KYO"]),
            ("Defeat", vec!["Defeat"], vec![]),
            ("Ft. Worth Ensemble", vec!["Ft. Worth Ensemble"], vec![]),
        ] {
            assert_eq!(credits(text), expected(&primary, &featured), "{text}");
        }
        let of_titles: Vec<String> =
            of_title("Water (feat. Clara La San) (Dub)").into_iter().map(|it| it.name).collect();
        assert_eq!(of_titles, ["Clara La San"]);
        assert!(of_title("Left (The Feat Of It)").is_empty());
    }
}
