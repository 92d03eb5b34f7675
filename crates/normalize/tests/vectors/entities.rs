//! Entities as the tests of the HTML standard's tokenizer read them in text.

use dragline_normalize::entities;
use dragline_testkit::vectors;

#[test]
fn entities_are_read_as_in_the_text_of_a_page() {
    let mut tested = 0;
    let mut differing = Vec::new();
    let Some(file) = vectors::read("html5_tokenizer_html5lib.json") else { return };
    for row in file["rows"].as_array().unwrap() {
        let (Some(input), Some([token])) =
            (row["input"].as_str(), row["output"].as_array().map(Vec::as_slice))
        else {
            continue;
        };
        // Others are about tags, or about the contents of scripts.
        let in_text = row["initialStates"].is_null() && token[0] == "Character" && input.contains('&');
        let is_escaped = row["doubleEscaped"] == true;
        let Some(read) = token[1].as_str().filter(|_| in_text && !is_escaped) else { continue };
        tested += 1;
        if entities(input) != read {
            differing.push(format!("{input:?}: {:?}, not {read:?}", entities(input)));
        }
    }
    assert!(tested > 4_000, "only {tested} vectors");
    assert!(differing.is_empty(), "{differing:#?}");
}
