//! File names that say by their ends that nothing in the file is worth fetching for a crawl of pages: images, sound,
//! films, archives, programs, office documents, style sheets.

use std::collections::HashSet;

/// Those that are ignored unless the setting says otherwise.
pub(crate) const IGNORED_EXTENSIONS: &[&str] = &[
    // Images and fonts.
    "apng", "avif", "bmp", "eps", "gif", "heic", "ico", "jpe", "jpeg", "jpg", "jxl", "png", "psd", "svg",
    "svgz", "tif", "tiff", "webp", "eot", "otf", "ttf", "woff", "woff2", // Sound and films.
    "aac", "aif", "aiff", "flac", "m4a", "mid", "midi", "mp3", "oga", "ogg", "opus", "wav", "wma", "3gp",
    "avi", "flv", "m3u8", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ogv", "swf", "webm", "wmv",
    // Archives, images of disks, programs.
    "7z", "bz2", "cab", "gz", "lz4", "lzma", "rar", "tar", "tbz2", "tgz", "txz", "xz", "zip", "zst", "apk",
    "bin", "deb", "dll", "dmg", "exe", "img", "iso", "jar", "msi", "pkg", "rpm", "whl",
    // Office.
    "doc", "docm", "docx", "dotx", "epub", "mobi", "odg", "odp", "ods", "odt", "pdf", "potx", "pps", "ppsx",
    "ppt", "pptm", "pptx", "rtf", "xls", "xlsb", "xlsm", "xlsx", "xltx",
    // What pages are drawn with.
    "css", "js", "mjs",
];

/// Extensions that are not followed.
#[derive(Debug)]
pub(super) struct Extensions(HashSet<String>);

impl Extensions {
    pub(super) fn new(ignored: &[String]) -> Self {
        Self(
            ignored
                .iter()
                .map(|extension| extension.trim().trim_start_matches('.').to_ascii_lowercase())
                .collect(),
        )
    }

    /// Whether a path ends with one of them.
    pub(super) fn end(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => {
                self.0.contains(extension.to_ascii_lowercase().as_str())
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_known_by_its_end() {
        let ignored: Vec<String> =
            IGNORED_EXTENSIONS.iter().map(|extension| (*extension).to_owned()).collect();
        let extensions = Extensions::new(&ignored);
        for path in ["/a.zip", "/x/B.JPEG", "/a.tar.gz", "/a/b.min.js"] {
            assert!(extensions.end(path), "{path}");
        }
        for path in
            ["/", "/zip", "/.zip", "/a.html", "/a.zip/", "/a.zip/b", "/a.php", "/v1.2", "/example.com", "/a."]
        {
            assert!(!extensions.end(path), "{path}");
        }
        let own = Extensions::new(&[" .XML".to_owned()]);
        assert!(own.end("/a.xml") && !own.end("/a.zip"));
        assert!(!Extensions::new(&[]).end("/a.zip"));
    }
}
