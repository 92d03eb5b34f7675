//! Samples: the stored pages that a spider carries, each with what is expected of it.
//!
//! A spider that says in [`Spider::samples`](crate::Spider::samples) what its site looks like can be checked
//! anywhere, without the network: by `dragline check`, by a test of one line, in the image that is deployed.

use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use serde_json::Value as Json;

use crate::stored_page::StoredPage;

/// A stored page and what a spider should make of it. [`sample!`](crate::sample!) makes one.
#[derive(Clone, Debug)]
pub struct Sample {
    page: StoredPage,
    body: Bytes,
    expected: String,
    page_path: PathBuf,
}

/// A stored page next to the spider's source, with its URL: `sample!("../pages/list.html", "https://…/")`.
///
/// The page is compiled in. So is the expected result, a file with the same name plus `.json` (`../pages/list.html.json`). A
/// new one begins empty, and `dragline check --accept` writes it.
///
/// ```text
/// fn samples(&self) -> Vec<Sample> {
///     vec![
///         sample!("../pages/shop/list.html", "https://shop.example/"),
///         sample!("../pages/shop/book.html", "https://shop.example/b/17").with_tag("book"),
///     ]
/// }
/// ```
#[macro_export]
macro_rules! sample {
    ($page:literal, $url:expr $(,)?) => {
        $crate::sample::Sample::new(
            ::std::file!(),
            $page,
            $url,
            ::std::include_bytes!($page).as_slice(),
            ::std::include_str!(::std::concat!($page, ".json")),
        )
    };
}

impl Sample {
    /// The parts that [`sample!`](crate::sample!) fills in: the source file, the page's path from there, its URL, its body, and
    /// the expected result.
    pub fn new(
        source: &str,
        page_path: &str,
        url: impl Into<String>,
        body: impl Into<Bytes>,
        expected: impl Into<String>,
    ) -> Self {
        let body = body.into();
        let folder = Path::new(source).parent().unwrap_or(Path::new(""));
        Self {
            page: StoredPage::new(url, body.clone()),
            body,
            expected: expected.into(),
            page_path: without_parents(&folder.join(page_path)),
        }
    }

    /// The tag of its request.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.page = self.page.with_tag(tag);
        self
    }

    /// A value of its request's meta.
    #[must_use]
    pub fn with_meta(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.page = self.page.with_meta(name, value);
        self
    }

    /// Adds an argument of the run, as `-a NAME=VALUE` does.
    #[must_use]
    pub fn with_arg(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.page = self.page.with_arg(name, value);
        self
    }

    /// Sets a status other than 200.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.page = self.page.with_status(status);
        self
    }

    /// Sets a `Content-Type` other than `text/html` in UTF-8. An empty text means that the answer has none.
    #[must_use]
    pub fn with_content_type(mut self, content_type: impl Into<String>) -> Self {
        self.page = self.page.with_content_type(content_type);
        self
    }

    /// Its name, which is the name of the page's file.
    pub fn name(&self) -> String {
        let name = self.page_path.file_name().unwrap_or(self.page_path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// The URL of the page.
    pub fn url(&self) -> &str {
        self.page.url()
    }

    /// The tag of its request; see [`Sample::with_tag`].
    pub fn tag(&self) -> &str {
        self.page.tag()
    }

    /// The page, as if it had just been fetched.
    pub fn page(&self) -> StoredPage {
        self.page.clone()
    }

    /// The page's bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The expected result as it was compiled in. Empty for a new sample.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// The page's file, relative to where the compiler was run, which is the top of the workspace.
    pub fn page_path(&self) -> &Path {
        &self.page_path
    }
}

/// The path without `..`, as far as this is possible without looking at the disk.
fn without_parents(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let is_back = part == Component::ParentDir
            && matches!(plain.components().next_back(), Some(Component::Normal(_)));
        if is_back {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_knows_its_page_and_where_that_is() {
        let sample = Sample::new(
            "spiders/src/shop.rs",
            "../pages/a.html",
            "http://a.example/",
            b"<h1>A".as_slice(),
            "{}",
        )
        .with_tag("book")
        .with_meta("n", 1)
        .with_status(404);
        assert_eq!(
            (sample.name().as_str(), sample.page_path()),
            ("a.html", Path::new("spiders/pages/a.html"))
        );
        let page = sample.page().page().unwrap();
        assert_eq!((page.tag(), page.status(), page.text("h1").unwrap().as_str()), ("book", 404, "A"));
        assert_eq!(page.meta("n"), Some(&1.into()));
    }

    #[test]
    fn parents_are_taken_out_of_a_path_and_kept_before_it() {
        for (path, plain) in [
            ("src/../pages/a.html", "pages/a.html"),
            ("../a", "../a"),
            ("../../a/../b", "../../b"),
            ("/x/../a", "/a"),
        ] {
            assert_eq!(without_parents(Path::new(path)), Path::new(plain), "{path}");
        }
    }
}
