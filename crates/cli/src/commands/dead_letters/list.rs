//! `dragline dead-letters list` and `show`.

use std::fmt::Write as _;

use dragline_core::letters::{LetterAsk, StoredLetter};

use super::Letters;
use crate::arguments::ListLetters;
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;

/// How much of an error a line of the list shows. `show` prints all of it.
const ERROR_CHARS: usize = 90;

pub(super) fn list(arguments: &ListLetters, letters: &Letters) -> Result<Exit, Failed> {
    let limit = if arguments.limit == 0 { usize::MAX } else { arguments.limit };
    let (mut rows, mut are_more) = (Vec::new(), false);
    letters.read(letters.of(arguments.run.as_deref())?, |letter| {
        are_more = rows.len() == limit;
        if !are_more {
            rows.push(row(letter));
        }
        Ok(!are_more)
    })?;
    if rows.is_empty() {
        print("no dead letters\n")?;
        return Ok(Exit::Finished);
    }
    let mut text = table(["id", "run", "item", "code", "error", "page"], rows);
    if are_more {
        let _ = writeln!(text, "… and more; use --limit N to show more of them, or --limit 0 to show all");
    }
    print(&text)?;
    Ok(Exit::Finished)
}

pub(super) fn show(letter_id: i64, letters: &Letters) -> Result<Exit, Failed> {
    let mut text = String::new();
    let ask = LetterAsk { letter_ids: Some(vec![letter_id]), ..LetterAsk::default() };
    letters.read(ask, |letter| {
        text = shown(&letter);
        Ok(true)
    })?;
    if text.is_empty() {
        return Err(Failed::error(format!("there is no dead letter {letter_id}")).hint(
            "`dragline dead-letters list` shows the existing ones; a letter is removed once it is applied",
        ));
    }
    print(&text)?;
    Ok(Exit::Finished)
}

fn row(letter: StoredLetter) -> [String; 6] {
    let mut error: String = letter.letter.error.chars().take(ERROR_CHARS).collect();
    if error.len() < letter.letter.error.len() {
        error.push('…');
    }
    [
        letter.letter_id.to_string(),
        format!("{} ({})", letter.run_name, letter.run_id),
        letter.letter.item_type,
        letter.letter.sqlstate.unwrap_or_else(|| "-".to_owned()),
        error.replace('\n', " "),
        letter.url,
    ]
}

fn shown(letter: &StoredLetter) -> String {
    let mut text = String::new();
    for (name, value) in [
        ("letter", letter.letter_id.to_string()),
        ("run", format!("{} (id {}, spider {})", letter.run_name, letter.run_id, letter.spider)),
        ("page", letter.url.clone()),
        ("item", letter.letter.item_type.clone()),
        ("error", letter.letter.error.clone()),
        ("code", letter.letter.sqlstate.clone().unwrap_or_else(|| "-".to_owned())),
        ("since", letter.created_at.format("%F %T UTC").to_string()),
    ] {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<8} {value}");
    }
    let payload = serde_json::to_string_pretty(&letter.letter.payload);
    let _ = writeln!(text, "{}", payload.unwrap_or_else(|_| letter.letter.payload.to_string()));
    text
}
