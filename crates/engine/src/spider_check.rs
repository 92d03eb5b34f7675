//! Checks what a spider says about its crawl.

use dragline_core::Spider;

use crate::downloads::download_limits;
use crate::error::EngineError;
use crate::fetch::check_headers;
use crate::scope::Scope;
use crate::settings::EngineSettings;

impl EngineSettings {
    /// Checks what a spider says about its crawl, before there is a run.
    ///
    /// # Errors
    /// [`EngineError::Unusable`] for a header, a domain, a pattern, a status or a type that is invalid.
    pub fn check_spider(&self, spider: &dyn Spider) -> Result<(), EngineError> {
        Scope::new(&self.links, spider, [])?;
        check_headers(&spider.headers())?;
        download_limits(&self.fetch, spider).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{Accepts, Args, ItemType, Output, Page, Request};

    /// A spider that accepts these answers.
    struct AcceptsThis(Accepts);

    impl Spider for AcceptsThis {
        fn name(&self) -> &str {
            "accepts"
        }

        fn items(&self) -> Vec<ItemType> {
            Vec::new()
        }

        fn start(&self, _args: &Args) -> dragline_core::Result<Vec<Request>> {
            Ok(Vec::new())
        }

        fn parse(&self, _page: &Page, _out: &mut Output) -> dragline_core::Result<()> {
            Ok(())
        }

        fn accepts(&self) -> Accepts {
            self.0.clone()
        }
    }

    #[test]
    fn an_invalid_list_of_accepted_answers_is_refused() {
        let settings = EngineSettings::default();
        let check = |accepts| settings.check_spider(&AcceptsThis(accepts)).map_err(|error| error.to_string());
        assert_eq!(check(Accepts::new().with_statuses(400..=499).with_type("image/*")), Ok(()));
        let problem = check(Accepts::new().with_type("pdf")).unwrap_err();
        assert!(problem.starts_with("what the spider accepts: \"pdf\" is not a type"), "{problem}");
        let problem = check(Accepts::new().with_status(42)).unwrap_err();
        assert!(problem.contains("42 to 42 is not a range of HTTP statuses"), "{problem}");
    }
}
