//! What is wrong with the arguments of a run.

use crate::arguments::Arguments;

/// The arguments that were given do not fit those that the spider declares.
///
/// ```
/// use dragline_spider::{Args, Arguments};
///
/// let declared = Arguments::new().with_optional("category", "Only this category");
/// let error = declared.check(&Args::default().with_value("categry", "poetry")).unwrap_err();
/// assert_eq!(error.to_string(), "unknown argument \"categry\": did you mean \"category\"?");
/// assert_eq!(error.hint(), "the spider's arguments:\n  category (text): Only this category");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("{problem}")]
pub struct ArgumentError {
    /// Boxed, so that a `Result` with this error stays small.
    problem: Box<ArgumentProblem>,
    known: Arguments,
}

/// The kinds of [`ArgumentError`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentProblem {
    /// The spider declares no argument of this name.
    #[error("unknown argument {name:?}{}", .similar.as_ref().map(|name| format!(": did you mean {name:?}?")).unwrap_or_default())]
    Unknown {
        /// Its name.
        name: String,
        /// An argument that the spider does declare and whose name is nearly the same.
        similar: Option<String>,
    },
    /// A required argument was not given.
    #[error("the argument {name:?} is missing: give it with -a {name}=…")]
    Missing {
        /// Its name.
        name: String,
    },
    /// The value does not fit the type of the argument. The text of a secret is not shown.
    #[error("the argument {name:?} has an invalid value{problem}; it takes: {kind}")]
    Invalid {
        /// Its name.
        name: String,
        /// The type that the argument has, in words.
        kind: String,
        /// The value and what is wrong with it; empty for a secret.
        problem: String,
    },
    /// The spider's own declaration is wrong.
    #[error("the spider declares the argument {name:?} wrongly: {problem}")]
    Declaration {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl ArgumentError {
    pub(crate) fn new(problem: ArgumentProblem, known: &Arguments) -> Self {
        Self { problem: Box::new(problem), known: known.clone() }
    }

    /// What is wrong.
    pub fn problem(&self) -> &ArgumentProblem {
        &self.problem
    }

    /// What to do: the arguments that the spider has, or how it declares one.
    pub fn hint(&self) -> String {
        match &*self.problem {
            ArgumentProblem::Declaration { .. } => "correct it in the spider's `arguments`".to_owned(),
            ArgumentProblem::Unknown { name, .. } if self.known.is_empty() => format!(
                "the spider has no arguments. It can declare one in `arguments`: \
                 Arguments::new().with_optional({name:?}, \"what it means\")"
            ),
            _ => format!("the spider's arguments:\n{}", self.known),
        }
    }
}
