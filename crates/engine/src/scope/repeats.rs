//! Finds paths that repeat themselves: `/a/b/a/b/a/b`. If a server answers every path with the same page, and its links are
//! relative, such paths never end.

/// Whether the same segments occur more than `most` times in a row. Only numbers do not count, because `/11/11/11` is a date.
pub(super) fn repeats(path: &str, most: usize) -> bool {
    if path.bytes().filter(|byte| *byte == b'/').count() <= most {
        return false;
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let longest_unit = segments.len() / (most + 1);
    (1..=longest_unit).any(|unit| repeats_unit(&segments, unit, most))
}

/// Whether a unit of this many segments repeats: enough segments in a row are equal to the one a unit before them.
fn repeats_unit(segments: &[&str], unit: usize, most: usize) -> bool {
    let mut alike = 0;
    for at in unit..segments.len() {
        alike = if segments[at] == segments[at - unit] { alike + 1 } else { 0 };
        let is_repeated = alike >= unit * most;
        if is_repeated && segments[at + 1 - unit..=at].iter().any(|segment| !is_number(segment)) {
            return true;
        }
    }
    false
}

fn is_number(segment: &str) -> bool {
    segment.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_comes_three_times_in_a_row_repeats() {
        for path in
            ["/a/a/a", "/x/a/b/a/b/a/b", "/a/b/a/b/a/b/y", "//a//a//a/", "/1/x/1/x/1/x", "/a/b/c/a/b/c/a/b/c"]
        {
            assert!(repeats(path, 2), "{path}");
            assert!(!repeats(path, 3), "{path}");
        }
        for path in [
            "/",
            "",
            "/a",
            "/a/a",
            "/a/b/a/b",
            "/a/x/a/y/a/z",
            "/a/b/a/b/a",
            "/2011/11/11/11",
            "/aa/aaa/aaaa",
        ] {
            assert!(!repeats(path, 2), "{path}");
        }
    }

    proptest! {
        /// Compares the result with a direct search for repetitions.
        #[test]
        fn a_run_is_found_wherever_it_is(segments in prop::collection::vec("[abc1]", 0..14), most in 1_usize..4) {
            let found = (0..segments.len()).any(|start| (1..=segments.len()).any(|unit| {
                let end = start + unit * (most + 1);
                end <= segments.len()
                    && segments[start..start + unit].iter().any(|segment| segment != "1")
                    && (start + unit..end).all(|at| segments[at] == segments[at - unit])
            }));
            prop_assert_eq!(repeats(&format!("/{}", segments.join("/")), most), found);
        }
    }
}
