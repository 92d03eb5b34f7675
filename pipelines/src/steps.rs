//! Which steps the items of a crawl pass, and in which order.

use std::sync::Arc;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use dragline_core::{Error, ItemPipeline, ItemType};

use crate::normalize::Normalize;
use crate::replace_nul::ReplaceNul;
use crate::validate::Validate;

/// If [`ItemPipelineSettings::order`] is only this name, items pass none of the steps that can be chosen.
const NONE: &str = "none";

/// What a user decides about the steps.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Storing")]
pub struct ItemPipelineSettings {
    /// The item pipelines that items pass, in this order [default: normalize, then the program's own]
    ///
    /// Give their names, for example `rules,normalize,prices`. Items then pass only these. With `none`, they
    /// pass no item pipeline. The check for empty keys always comes last. In the settings file, each spider can have its
    /// own list.
    #[arg(
        id = "pipelines",
        long = "pipelines",
        env = "DRAGLINE_PIPELINES",
        value_name = "NAMES",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub order: Vec<String>,

    /// Replace a NUL character in an item with U+FFFD, instead of making its page `dead`
    ///
    /// Text in Postgres can't contain a NUL. The items of a `dead` page become dead letters.
    #[arg(long, env = "DRAGLINE_REPLACE_NUL", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), default_value_t = Self::default().replace_nul, hide_short_help = true)]
    pub replace_nul: bool,
}

/// Why the items of a crawl can't pass the steps.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The settings name a step that the program does not have.
    #[error("the item pipeline {name:?} is unknown; this program has {}", .known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The names of all steps.
        known: Vec<String>,
    },
    /// The settings name a step twice.
    #[error("the list of item pipelines names {0:?} twice: name it once")]
    Twice(String),
    /// The settings name steps, and also `none`.
    #[error("the list of item pipelines names {NONE:?} and others: write {NONE:?} or the others")]
    NoneAndOthers,
    /// Two look-ups have the same name, so nobody could tell whose answer comes.
    #[error("two look-ups are named {0:?}: give each Enrich a name of its own")]
    LookUpTwice(String),
    /// A step finds a mistake in its own settings.
    #[error("the item pipeline {name:?} can't run: {problem}")]
    Invalid {
        /// The name of the step.
        name: String,
        /// The mistake.
        problem: Error,
    },
}

/// The steps that every item passes, in order. A program's `own` steps see normalized text, unless the settings choose another
/// order, and what they return is validated. The crawl has items of the types `items`.
///
/// # Errors
/// [`StepError`] if the settings name an unknown step, or a step finds a mistake in its own settings.
pub fn item_pipelines(
    settings: &ItemPipelineSettings,
    own: &[Arc<dyn ItemPipeline>],
    items: &[ItemType],
) -> Result<Vec<Box<dyn ItemPipeline>>, StepError> {
    let mut steps: Vec<Box<dyn ItemPipeline>> = Vec::new();
    if settings.replace_nul {
        steps.push(Box::new(ReplaceNul));
    }
    for step in chosen(&settings.order, own)? {
        if step.look_up().is_some() && steps.iter().any(|earlier| earlier.name() == step.name()) {
            return Err(StepError::LookUpTwice(step.name().to_owned()));
        }
        step.check(items).map_err(|problem| StepError::Invalid { name: step.name().to_owned(), problem })?;
        steps.push(Box::new(step));
    }
    steps.push(Box::new(Validate));
    Ok(steps)
}

/// The steps that can be chosen, as the settings choose them.
fn chosen(order: &[String], own: &[Arc<dyn ItemPipeline>]) -> Result<Vec<Arc<dyn ItemPipeline>>, StepError> {
    let mut all: Vec<Arc<dyn ItemPipeline>> = vec![Arc::new(Normalize)];
    all.extend(own.iter().cloned());
    let names: Vec<&str> = order.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
    match names.as_slice() {
        [] => return Ok(all),
        [NONE] => return Ok(Vec::new()),
        names if names.contains(&NONE) => return Err(StepError::NoneAndOthers),
        _ => {}
    }
    let mut chosen = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            return Err(StepError::Twice((*name).to_owned()));
        }
        let of_name: Vec<_> = all.iter().filter(|step| step.name() == *name).cloned().collect();
        if of_name.is_empty() {
            let known = all.iter().map(|step| step.name().to_owned()).collect();
            return Err(StepError::Unknown { name: (*name).to_owned(), known });
        }
        chosen.extend(of_name);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{ItemOrigin, ItemRecord, Verdict};

    struct Named(&'static str);

    impl ItemPipeline for Named {
        fn name(&self) -> &str {
            self.0
        }

        fn check(&self, _items: &[ItemType]) -> dragline_core::Result<()> {
            if self.0 == "broken" { Err(Error::new("its file is missing")) } else { Ok(()) }
        }

        fn process(&self, record: ItemRecord, _origin: &ItemOrigin<'_>) -> Verdict {
            Verdict::Keep(record)
        }
    }

    fn steps(order: &[&str], replace_nul: bool) -> Result<String, String> {
        let order = order.iter().map(|name| (*name).to_owned()).collect();
        let settings = ItemPipelineSettings { order, replace_nul };
        let own = ["rules", "prices", "broken"].map(|name| Arc::new(Named(name)) as Arc<dyn ItemPipeline>);
        let own = if settings.order.is_empty() { &own[..2] } else { &own[..] };
        let steps = item_pipelines(&settings, own, &[]).map_err(|error| error.to_string())?;
        Ok(steps.iter().map(|step| step.name()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn steps_run_in_the_order_of_the_settings() {
        for (order, expected) in [
            (&[][..], "normalize rules prices validate"),
            (&["rules", "normalize"], "rules normalize validate"),
            (&["prices"], "prices validate"),
            (&["none"], "validate"),
        ] {
            assert_eq!(steps(order, false).as_deref(), Ok(expected), "{order:?}");
        }
        assert_eq!(steps(&["rules"], true).as_deref(), Ok("replace-nul rules validate"));
    }

    #[test]
    fn a_list_that_makes_no_sense_is_refused() {
        for (order, problem) in [
            (
                &["rulez"][..],
                "the item pipeline \"rulez\" is unknown; this program has normalize, rules, prices, broken",
            ),
            (&["rules", "rules"], "the list of item pipelines names \"rules\" twice: name it once"),
            (
                &["none", "rules"],
                "the list of item pipelines names \"none\" and others: write \"none\" or the others",
            ),
            (&["broken"], "the item pipeline \"broken\" can't run: its file is missing"),
        ] {
            assert_eq!(steps(order, false).unwrap_err(), problem);
        }
    }
}
