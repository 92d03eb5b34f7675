//! File extensions that a crawl of pages ignores: images, audio, video, archives, programs, office documents and style sheets.

use std::collections::HashSet;

/// The extensions that are ignored by default.
pub(crate) const IGNORED_EXTENSIONS: &[&str] = &[
    // Images and fonts.
    "apng", "avif", "bmp", "eps", "gif", "heic", "ico", "jpe", "jpeg", "jpg", "jxl", "png", "psd", "svg",
    "svgz", "tif", "tiff", "webp", "eot", "otf", "ttf", "woff", "woff2", // Audio and video.
    "aac", "aif", "aiff", "flac", "m4a", "mid", "midi", "mp3", "oga", "ogg", "opus", "wav", "wma", "3gp",
    "avi", "flv", "m3u8", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ogv", "swf", "webm", "wmv",
    // Archives, disk images, programs.
    "7z", "bz2", "cab", "gz", "lz4", "lzma", "rar", "tar", "tbz2", "tgz", "txz", "xz", "zip", "zst", "apk",
    "bin", "deb", "dll", "dmg", "exe", "img", "iso", "jar", "msi", "pkg", "rpm", "whl",
    // Office documents.
    "doc", "docm", "docx", "dotx", "epub", "mobi", "odg", "odp", "ods", "odt", "pdf", "potx", "pps", "ppsx",
    "ppt", "pptm", "pptx", "rtf", "xls", "xlsb", "xlsm", "xlsx", "xltx", // Parts of pages.
    "css", "js", "mjs",
];

/// The extensions to ignore.
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

    /// Whether a path ends with such an extension.
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
