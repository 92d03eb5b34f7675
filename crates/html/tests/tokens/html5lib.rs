//! The tokenizer tests of html5lib.

use std::cell::RefCell;

use dragline_html::{Content, Input, Tokenizer};
use dragline_testkit::vectors;
use html5ever::tokenizer::{Doctype, Tag, TagKind, Token, TokenSink, TokenSinkResult};
use serde_json::{Value as Json, json};

use crate::compared::record;

/// Keeps the tokens.
#[derive(Default)]
struct Tokens(RefCell<Vec<Token>>);

impl TokenSink for Tokens {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        // In a test of the tokenizer, NUL is a character like any other.
        let token = match token {
            Token::NullCharacterToken => Token::CharacterTokens("\0".into()),
            token => token,
        };
        record(&mut self.0.borrow_mut(), &token);
        TokenSinkResult::Continue
    }
}

/// The tokens of a text, as the tests write them.
pub(crate) fn written_tokens(text: &str, within: &str, content: Content) -> Json {
    let input = Input::from(text);
    let mut tokenizer = Tokenizer::new(&input, Tokens::default()).within(within, content);
    tokenizer.run().unwrap();
    let tokens = tokenizer.sink.0.into_inner();
    assert_eq!(tokens.last(), Some(&Token::EOFToken), "{text:?}");
    tokens.iter().filter_map(written).collect()
}

fn written(token: &Token) -> Option<Json> {
    let id = |id: &Option<_>| id.as_ref().map(ToString::to_string);
    Some(match token {
        Token::DoctypeToken(Doctype { name, public_id, system_id, force_quirks }) => {
            json!(["DOCTYPE", id(name), id(public_id), id(system_id), !force_quirks])
        }
        Token::TagToken(Tag { kind: TagKind::EndTag, name, .. }) => json!(["EndTag", &**name]),
        Token::TagToken(Tag { name, attrs, self_closing, .. }) => {
            let attributes: serde_json::Map<String, Json> =
                attrs.iter().map(|it| (it.name.local.to_string(), json!(&*it.value))).collect();
            if *self_closing {
                json!(["StartTag", &**name, attributes, true])
            } else {
                json!(["StartTag", &**name, attributes])
            }
        }
        Token::CommentToken(text) => json!(["Comment", &**text]),
        Token::CharacterTokens(text) => json!(["Character", &**text]),
        Token::NullCharacterToken | Token::ParseError(_) | Token::EOFToken => return None,
    })
}

fn content(state: &str) -> Content {
    match state {
        "Data state" => Content::Data,
        "RCDATA state" => Content::Rcdata,
        "RAWTEXT state" => Content::Rawtext,
        "Script data state" => Content::ScriptData,
        "PLAINTEXT state" => Content::Plaintext,
        "CDATA section state" => Content::CdataSection,
        other => panic!("{other}"),
    }
}

/// A text whose characters are written as `\uXXXX`. `None` if it is not Unicode text: half of a surrogate pair.
fn unescaped(text: &str) -> Option<String> {
    serde_json::from_str(&format!("\"{}\"", text.replace('"', "\\\""))).ok()
}

fn unescaped_json(json: &Json) -> Option<Json> {
    Some(match json {
        Json::String(text) => Json::String(unescaped(text)?),
        Json::Array(list) => list.iter().map(unescaped_json).collect::<Option<Vec<_>>>()?.into(),
        Json::Object(map) => {
            let entries = map.iter().map(|(name, value)| Some((unescaped(name)?, unescaped_json(value)?)));
            Json::Object(entries.collect::<Option<_>>()?)
        }
        other => other.clone(),
    })
}

#[test]
fn every_test_of_html5lib_passes() {
    let Some(file) = vectors::read("html5_tokenizer_html5lib.json") else { return };
    let (mut tested, mut no_text) = (0, 0);
    let mut differing = Vec::new();
    for row in file["rows"].as_array().unwrap() {
        // These are about what a text becomes in XML.
        if row["file"] == "xmlViolation.test" {
            continue;
        }
        let as_it_is = row["doubleEscaped"] != true;
        let read = |json: &Json| if as_it_is { Some(json.clone()) } else { unescaped_json(json) };
        let (Some(Json::String(input)), Some(expected)) = (read(&row["input"]), read(&row["output"])) else {
            no_text += 1;
            continue;
        };
        let data = vec![json!("Data state")];
        for state in row["initialStates"].as_array().unwrap_or(&data) {
            let within = row["lastStartTag"].as_str().unwrap_or("");
            let tokens = written_tokens(&input, within, content(state.as_str().unwrap()));
            tested += 1;
            if tokens != expected {
                differing.push(format!("{input:?} in {state} of {within:?}: {tokens}, not {expected}"));
            }
        }
    }
    assert!(tested > 7_000, "only {tested} tests");
    assert!(no_text < 10, "{no_text} tests are not Unicode text");
    assert!(differing.is_empty(), "{} of {tested}: {differing:#?}", differing.len());
}
