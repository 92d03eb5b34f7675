//! The tokenizer: where it is in the text, and what comes next.

use std::error::Error;
use std::fmt;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};

use crate::attributes::Attributes;
use crate::input::Input;
use crate::names::Names;

/// The tokenizer does not count lines.
const LINE: u64 = 1;

/// A tendril of up to this length lies in its own two words.
const INLINE_BYTES: usize = 8;

/// How the text from here on is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// With tags, comments and character references: the content of most elements.
    Data,
    /// With character references only: the content of `title` and `textarea`.
    Rcdata,
    /// As it is: the content of `style`, `iframe` and others.
    Rawtext,
    /// The content of `script`.
    ScriptData,
    /// The rest of the page, as it is.
    Plaintext,
    /// What follows `<![CDATA[`.
    CdataSection,
}

/// Whether the tokenizer has more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// There is more text.
    More,
    /// The sink has got everything, also the end of the file.
    Finished,
}

/// A tag has more attributes than [`Tokenizer::with_max_attributes`] allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyAttributes;

impl fmt::Display for TooManyAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tag of the page has too many attributes")
    }
}

impl Error for TooManyAttributes {}

/// Makes tokens from a text and gives them to a sink. The page of this crate has an example.
pub struct Tokenizer<'t, Sink> {
    /// What gets the tokens.
    pub sink: Sink,
    input: &'t StrTendril,
    pub(crate) text: &'t str,
    pub(crate) bytes: &'t [u8],
    pub(crate) has_nul: bool,
    /// Where the next piece begins.
    pub(crate) at: usize,
    content: Content,
    is_finished: bool,
    /// The name of the start tag whose content is read now. Only its end tag ends raw text.
    pub(crate) open: &'t str,
    pub(crate) names: Names,
    /// The attributes of the tag that is read now.
    pub(crate) attributes: Attributes,
}

impl<'t, Sink: TokenSink> Tokenizer<'t, Sink> {
    /// A tokenizer at the beginning of a document.
    pub fn new(input: &'t Input, sink: Sink) -> Self {
        let text = input.as_str();
        Self {
            sink,
            input: input.tendril(),
            text,
            bytes: text.as_bytes(),
            has_nul: input.has_nul(),
            at: 0,
            content: Content::Data,
            is_finished: false,
            open: "",
            names: Names::new(),
            attributes: Attributes::default(),
        }
    }

    /// Begins as in the content of the element `name`, such as [`Content::Rcdata`] in `title`. This is how fragments are parsed.
    #[must_use]
    pub fn within(mut self, name: &'t str, content: Content) -> Self {
        (self.open, self.content) = (name, content);
        self
    }

    /// Ends with an error at a tag with more different attributes.
    #[must_use]
    pub fn with_max_attributes(mut self, max: usize) -> Self {
        self.attributes.set_max(max);
        self
    }

    /// Reads the whole text.
    ///
    /// # Errors
    /// If a tag has too many attributes. The sink gets nothing more then, also no end of the file.
    pub fn run(&mut self) -> Result<(), TooManyAttributes> {
        while self.step()? == Step::More {}
        Ok(())
    }

    /// Reads the next piece: a text up to the next tag, a tag, a comment, or the whole content of a script. A caller that looks at
    /// the sink after each step can end early.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub fn step(&mut self) -> Result<Step, TooManyAttributes> {
        if self.at >= self.bytes.len() {
            self.finish();
            return Ok(Step::Finished);
        }
        match self.content {
            Content::Data => self.data()?,
            Content::CdataSection => self.cdata_section(),
            Content::Plaintext => self.plaintext(),
            raw => self.raw_text(raw)?,
        }
        Ok(Step::More)
    }

    fn finish(&mut self) {
        if !self.is_finished {
            self.is_finished = true;
            self.send(Token::EOFToken);
            self.sink.end();
        }
    }

    /// Gives the sink a token after which everything goes on as before.
    pub(crate) fn send(&self, token: Token) {
        let _ = self.sink.process_token(token, LINE);
    }

    /// Gives the sink a tag with the attributes that were read, and goes on as the sink says. `written` is the tag's name as it
    /// is in the text.
    pub(crate) fn send_tag(
        &mut self,
        kind: TagKind,
        name: html5ever::LocalName,
        written: &'t str,
        self_closing: bool,
    ) {
        let (attrs, had_duplicate_attributes) = self.attributes.take();
        let tag = Tag { kind, name, self_closing, attrs, had_duplicate_attributes };
        self.content = match self.sink.process_token(Token::TagToken(tag), LINE) {
            TokenSinkResult::Continue
            | TokenSinkResult::Script(_)
            | TokenSinkResult::EncodingIndicator(_) => Content::Data,
            TokenSinkResult::Plaintext => Content::Plaintext,
            TokenSinkResult::RawData(RawKind::Rcdata) => Content::Rcdata,
            TokenSinkResult::RawData(RawKind::Rawtext) => Content::Rawtext,
            TokenSinkResult::RawData(RawKind::ScriptData | RawKind::ScriptDataEscaped(_)) => {
                Content::ScriptData
            }
        };
        if self.content != Content::Data {
            self.open = written;
        }
    }

    pub(crate) fn set_content(&mut self, content: Content) {
        self.content = content;
    }

    /// A part of the text. It shares the memory of the input, or has no memory of its own.
    #[expect(clippy::cast_possible_truncation, reason = "a tendril has less than 4 GiB")]
    pub(crate) fn part(&self, from: usize, to: usize) -> StrTendril {
        if to - from <= INLINE_BYTES {
            StrTendril::from_slice(&self.text[from..to])
        } else {
            self.input.subtendril(from as u32, (to - from) as u32)
        }
    }
}
