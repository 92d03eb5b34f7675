//! Tokens and trees that two parsers make of a text: ours, and html5ever's tokenizer with the tree of `scraper`.

use std::cell::RefCell;

use dragline_html::{GrowingTree, Input, Tokenizer, Tree};
use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer as Theirs, TokenizerOpts,
};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink};
use scraper::{Html, HtmlTreeSink};

use crate::same_tree;

/// Keeps the tokens, and gives them to the tree builder.
pub(crate) struct Recorder<Sink: TreeSink> {
    builder: TreeBuilder<Sink::Handle, Sink>,
    tokens: RefCell<Vec<Token>>,
}

impl<Sink: TreeSink> Recorder<Sink> {
    pub(crate) fn new(builder: TreeBuilder<Sink::Handle, Sink>) -> Self {
        Self { builder, tokens: RefCell::default() }
    }

    fn of_a_document(sink: Sink) -> Self {
        Self::new(TreeBuilder::new(sink, options()))
    }

    pub(crate) fn finish(self) -> (Vec<Token>, Sink::Output) {
        (self.tokens.into_inner(), self.builder.sink.finish())
    }
}

/// As Dragline parses: without scripting.
pub(crate) fn options() -> TreeBuilderOpts {
    TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() }
}

impl<Sink: TreeSink> TokenSink for Recorder<Sink> {
    type Handle = Sink::Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Sink::Handle> {
        if matches!(token, Token::ParseError(_)) {
            // For html5ever's tree builder, an error without a token, as in `<pre></>\n`, is something between `<pre>` and the line end
            // after it. For the standard, it is not.
            return TokenSinkResult::Continue;
        }
        record(&mut self.tokens.borrow_mut(), &token);
        self.builder.process_token(token, line)
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// Adds a token to those before it. Texts become one, errors are left out, and an end tag loses its attributes.
pub(crate) fn record(tokens: &mut Vec<Token>, token: &Token) {
    let token = match token {
        Token::ParseError(_) => return,
        Token::CharacterTokens(text) if text.is_empty() => return,
        Token::CharacterTokens(text) => match tokens.last_mut() {
            Some(Token::CharacterTokens(before)) => return before.push_tendril(text),
            _ => Token::CharacterTokens(text.clone()),
        },
        Token::TagToken(tag) if tag.kind == TagKind::EndTag => {
            Token::TagToken(Tag { attrs: Vec::new(), had_duplicate_attributes: false, ..tag.clone() })
        }
        Token::TagToken(tag) => Token::TagToken(tag.clone()),
        Token::DoctypeToken(doctype) => Token::DoctypeToken(doctype.clone()),
        Token::CommentToken(text) => Token::CommentToken(text.clone()),
        Token::NullCharacterToken => Token::NullCharacterToken,
        Token::EOFToken => Token::EOFToken,
    };
    tokens.push(token);
}

pub(crate) fn ours(text: &str) -> (Vec<Token>, Tree) {
    let input = Input::from(text);
    let mut tokenizer = Tokenizer::new(&input, Recorder::of_a_document(GrowingTree::new(&input, 0)));
    tokenizer.run().expect("no limit is set");
    tokenizer.sink.finish()
}

pub(crate) fn theirs(text: &str) -> (Vec<Token>, Html) {
    let options = TokenizerOpts { discard_bom: false, ..TokenizerOpts::default() };
    let tokenizer = Theirs::new(Recorder::of_a_document(HtmlTreeSink::new(Html::new_document())), options);
    feed(&tokenizer, text);
    tokenizer.sink.finish()
}

pub(crate) fn feed<Sink: TokenSink>(tokenizer: &Theirs<Sink>, text: &str) {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
    tokenizer.end();
}

/// What differs between the two, if something does.
pub(crate) fn difference(text: &str) -> Option<String> {
    let (our_tokens, our_tree) = ours(text);
    let (their_tokens, their_tree) = theirs(text);
    if our_tokens != their_tokens {
        let at = our_tokens.iter().zip(&their_tokens).take_while(|(ours, theirs)| ours == theirs).count();
        let (ours, theirs) = (our_tokens.get(at), their_tokens.get(at));
        return Some(format!("token {at}: {ours:?}, not {theirs:?}"));
    }
    same_tree::difference(&our_tree, their_tree)
}
