//! What this program is called. Texts name commands as `` `dragline runs list` ``, and a program with spiders of its own
//! has another name.

use std::borrow::Cow;
use std::sync::OnceLock;

/// The name in the texts of this source.
const OURS: &str = "dragline";

static NAME: OnceLock<String> = OnceLock::new();

/// Sets the name, once, at the start of a program with a command line.
pub fn is_called(name: impl Into<String>) {
    let _ = NAME.set(name.into());
}

/// The name.
pub fn name() -> &'static str {
    NAME.get().map_or(OURS, String::as_str)
}

/// A text for people, with the commands in it as they are typed for this program. A command is in backticks.
pub fn with_own_commands(text: &str) -> Cow<'_, str> {
    with_commands_of(name(), text)
}

fn with_commands_of<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    if name == OURS || !text.contains("`dragline ") {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("`dragline ", &format!("`{name} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_named_as_it_is_typed() {
        let text = "`dragline runs list` shows all runs of dragline.db, and `dragline list` all spiders";
        let own = with_commands_of("shops", text);
        assert_eq!(own, "`shops runs list` shows all runs of dragline.db, and `shops list` all spiders");
        assert_eq!(with_commands_of("dragline", text), text);
    }
}
