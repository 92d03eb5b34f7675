//! The name that a misspelled one was meant for.

/// The known name that takes the fewest edits. It may take one edit for every three letters, and one edit is always
/// allowed.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters = name.chars().count();
    let close = known.filter_map(|known| {
        let edits = strsim::osa_distance(known, name);
        let is_close = edits < letters && edits <= (letters / 3).max(1);
        is_close.then_some((edits, known))
    });
    close.min_by_key(|(edits, _)| *edits).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_name_is_found_and_another_is_not() {
        let known = ["tag", "category", "pages"];
        let nearest = |name| nearest(name, known.into_iter());
        for (name, meant) in
            [("tg", "tag"), ("categroy", "category"), ("catgry", "category"), ("page", "pages")]
        {
            assert_eq!(nearest(name), Some(meant), "{name}");
        }
        for name in ["", "t", "shelf", "author"] {
            assert_eq!(nearest(name), None, "{name}");
        }
    }
}
