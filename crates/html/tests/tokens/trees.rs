//! The tree construction tests of html5lib, with our tokenizer, html5ever's tree builder and our tree.

use std::fmt::Write as _;

use dragline_html::{Content, GrowingTree, Input, NodeRef, Tokenizer, Tree, Value};
use dragline_testkit::vectors;
use html5ever::tokenizer::states::{RawKind, State};
use html5ever::tokenizer::{Tokenizer as Theirs, TokenizerOpts};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink, create_element};
use html5ever::{LocalName, Namespace, QualName, ns};
use scraper::{Html, HtmlTreeSink};

use crate::compared::{Recorder, feed, options};
use crate::same_tree;

/// One test: a text, and the tree that it makes.
struct Test<'v> {
    data: &'v str,
    /// The element that a fragment is parsed in.
    context: Option<&'v str>,
    scripting: bool,
    document: &'v str,
}

impl<'v> Test<'v> {
    fn parse(text: &'v str) -> Self {
        let section = |name: &str| {
            let start = if text.starts_with(&format!("{name}\n")) {
                name.len() + 1
            } else {
                text.find(&format!("\n{name}\n"))? + name.len() + 2
            };
            Some(&text[start..])
        };
        let data = section("#data").expect("#data");
        let data = &data[..data.find("\n#errors").unwrap_or_else(|| data.find("#errors").expect("#errors"))];
        Self {
            data,
            context: section("#document-fragment").and_then(|rest| rest.lines().next()),
            scripting: section("#script-on").is_some() || text.contains("\n#script-on"),
            document: section("#document").expect("#document").trim_end_matches('\n'),
        }
    }

    fn builder<Sink: TreeSink>(&self, sink: Sink) -> TreeBuilder<Sink::Handle, Sink> {
        let options = TreeBuilderOpts { scripting_enabled: self.scripting, ..options() };
        let Some(context) = self.context else { return TreeBuilder::new(sink, options) };
        let element = create_element(&sink, context_name(context), Vec::new());
        TreeBuilder::new_for_fragment(sink, element, None, options)
    }

    fn ours(&self) -> Tree {
        let input = Input::from(self.data);
        let builder = self.builder(GrowingTree::new(&input, 0));
        let state = self.context.map(|_| builder.tokenizer_state_for_context_elem(self.scripting));
        let content = match state {
            None | Some(State::Data) => Content::Data,
            Some(State::Plaintext) => Content::Plaintext,
            Some(State::RawData(RawKind::Rcdata)) => Content::Rcdata,
            Some(State::RawData(RawKind::Rawtext)) => Content::Rawtext,
            Some(State::RawData(RawKind::ScriptData)) => Content::ScriptData,
            Some(other) => panic!("{other:?}"),
        };
        let within = self.context.unwrap_or_default();
        let mut tokenizer = Tokenizer::new(&input, Recorder::new(builder)).within(within, content);
        tokenizer.run().unwrap();
        tokenizer.sink.finish().1
    }

    fn theirs(&self) -> Html {
        let html = if self.context.is_some() { Html::new_fragment() } else { Html::new_document() };
        let builder = self.builder(HtmlTreeSink::new(html));
        let options = TokenizerOpts {
            initial_state: self.context.map(|_| builder.tokenizer_state_for_context_elem(self.scripting)),
            last_start_tag_name: self.context.map(str::to_owned),
            discard_bom: false,
            ..TokenizerOpts::default()
        };
        let tokenizer = Theirs::new(Recorder::new(builder), options);
        feed(&tokenizer, self.data);
        tokenizer.sink.finish().1
    }

    fn written(&self, tree: &Tree) -> String {
        let mut text = String::new();
        // The tree builder puts a fragment into an element `html`.
        let root = if self.context.is_some() { *tree.root() } else { tree.document() };
        root.children().for_each(|node| write_node(node, 0, &mut text));
        text.trim_end_matches('\n').to_owned()
    }
}

fn context_name(context: &str) -> QualName {
    let (namespace, name) = match context.split_once(' ') {
        Some(("svg", name)) => (ns!(svg), name),
        Some(("math", name)) => (ns!(mathml), name),
        _ => (ns!(html), context),
    };
    QualName::new(None, namespace, LocalName::from(name))
}

fn prefix(namespace: &Namespace) -> &'static str {
    match *namespace {
        ns!(svg) => "svg ",
        ns!(mathml) => "math ",
        ns!(xlink) => "xlink ",
        ns!(xml) => "xml ",
        ns!(xmlns) => "xmlns ",
        _ => "",
    }
}

fn write_node(node: NodeRef<'_>, depth: usize, text: &mut String) {
    let indent = format!("| {}", "  ".repeat(depth));
    match node.value() {
        Value::Element(element) => {
            writeln!(text, "{indent}<{}{}>", prefix(element.namespace()), element.name()).unwrap();
            let attributes =
                element.attrs().map(|(ns, name, value)| (format!("{}{name}", prefix(ns)), value));
            let mut attributes: Vec<_> = attributes.collect();
            attributes.sort_by(|one, other| one.0.cmp(&other.0));
            for (name, value) in attributes {
                writeln!(text, "{indent}  {name}=\"{value}\"").unwrap();
            }
        }
        Value::Text(it) => writeln!(text, "{indent}\"{it}\"").unwrap(),
        Value::Comment(it) => writeln!(text, "{indent}<!-- {it} -->").unwrap(),
        Value::Doctype { name, public_id: "", system_id: "" } => {
            writeln!(text, "{indent}<!DOCTYPE {name}>").unwrap();
        }
        Value::Doctype { name, public_id, system_id } => {
            writeln!(text, "{indent}<!DOCTYPE {name} \"{public_id}\" \"{system_id}\">").unwrap();
        }
        Value::Content => writeln!(text, "{indent}content").unwrap(),
        Value::Document => {}
    }
    node.children().for_each(|child| write_node(child, depth + 1, text));
}

/// The tree is html5ever's work. So where it differs from the expected one, it must be the one that html5ever makes with its own
/// tokenizer.
#[test]
fn trees_are_those_of_html5ever_and_nearly_all_pass() {
    let Some(file) = vectors::read("html5_tree_construction_html5lib.json") else { return };
    let rows = file["rows"].as_array().unwrap();
    let mut passed = 0;
    for row in rows {
        let test = Test::parse(row["text"].as_str().unwrap());
        let ours = test.ours();
        assert_eq!(same_tree::difference(&ours, test.theirs()), None, "{:?}", test.data);
        passed += usize::from(test.written(&ours) == test.document);
    }
    println!("{passed} of {} trees are as html5lib expects them", rows.len());
    assert!(passed * 100 >= rows.len() * 95, "only {passed} of {}", rows.len());
}
