//! Counts the memory of a tree while it is built.
//!
//! The parser may create many elements for one tag: it reopens what a paragraph left open, with all attributes. So counting
//! tags is not enough, and every node is counted where it is made.

use std::borrow::Cow;
use std::cell::{Cell, Ref, RefCell};
use std::collections::HashSet;

use ego_tree::NodeId;
use html5ever::tendril::StrTendril;
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute, LocalName, QualName};
use scraper::{Html, HtmlTreeSink, Node};

use super::MAX_ATTRIBUTE_PAIRS;

/// A node in the tree: its value, its five links to other nodes, and its place in the list of elements.
pub(super) const NODE_BYTES: usize = size_of::<Node>() + 5 * size_of::<usize>() + 24;
/// The allocator's own bytes for a block, and the header of a text that has a block of its own.
const BLOCK_BYTES: usize = 32;
/// A name or a text up to this length has no block of its own.
const INLINE_BYTES: usize = 7;

/// Moving an attribute takes this many times as long as comparing two names.
const PAIRS_PER_MOVE: usize = 8;

/// A tree, and the bytes of everything in it that is not a node and does not lie in the parser's input.
pub(super) struct CountedSink {
    sink: HtmlTreeSink,
    bytes: Cell<usize>,
    /// The pairs of attributes that repeated tags of one element have compared or moved.
    attribute_pairs: Cell<usize>,
    /// The different names that are in the table of names.
    names: RefCell<HashSet<LocalName>>,
}

impl CountedSink {
    pub(super) fn new(html: Html) -> Self {
        Self {
            sink: HtmlTreeSink::new(html),
            bytes: Cell::new(0),
            attribute_pairs: Cell::new(0),
            names: RefCell::default(),
        }
    }

    /// The bytes that the tree takes.
    pub(super) fn bytes(&self) -> usize {
        self.nodes() * NODE_BYTES + self.bytes.get()
    }

    /// How many pairs of attributes were compared or moved because a tag added to an element that was there.
    pub(super) fn attribute_pairs(&self) -> usize {
        self.attribute_pairs.get()
    }

    /// Counts the pairs before they cost anything. `false` if they are too many already.
    fn may_add(&self, target: NodeId, attributes: usize) -> bool {
        let has = self
            .sink
            .0
            .borrow()
            .tree
            .get(target)
            .and_then(|node| node.value().as_element().map(|it| it.attrs.len()));
        let pairs = attributes * (has.unwrap_or(0) + attributes);
        let sum = self.attribute_pairs.get().saturating_add(pairs.saturating_mul(PAIRS_PER_MOVE));
        self.attribute_pairs.set(sum);
        sum <= MAX_ATTRIBUTE_PAIRS
    }

    /// How many different names the elements and attributes have, apart from those that are known or very short.
    pub(super) fn names(&self) -> usize {
        self.names.borrow().len()
    }

    fn note_name(&self, name: &LocalName) {
        if name.is_dynamic() && !self.names.borrow().contains(name) {
            self.names.borrow_mut().insert(name.clone());
        }
    }

    fn nodes(&self) -> usize {
        self.sink.0.borrow().tree.values().len()
    }

    fn count(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() + bytes);
    }

    fn count_attributes(&self, attributes: &Vec<Attribute>) {
        if attributes.capacity() > 0 {
            for attribute in attributes {
                self.note_name(&attribute.name.local);
            }
            let blocks = attributes.iter().map(|it| block(it.name.local.len()) + text_block(&it.value));
            let list = attributes.capacity() * size_of::<Attribute>() + BLOCK_BYTES;
            self.count(list + blocks.sum::<usize>());
        }
    }

    /// Appends something. A text may join the text before it, which is then copied.
    fn appended(&self, child: NodeOrText<NodeId>, append: impl FnOnce(NodeOrText<NodeId>)) {
        let NodeOrText::AppendText(text) = &child else { return append(child) };
        let (length, block, nodes) = (text.len(), text_block(text), self.nodes());
        append(child);
        self.count(if self.nodes() == nodes { length } else { block });
    }
}

/// The block of a name or a text.
fn block(length: usize) -> usize {
    if length <= INLINE_BYTES { 0 } else { BLOCK_BYTES + length }
}

/// The block of a text that may be a part of the page's text, which is counted already.
fn text_block(text: &StrTendril) -> usize {
    if text.is_shared() { 0 } else { block(text.len()) }
}

impl TreeSink for CountedSink {
    type Output = Html;
    type Handle = NodeId;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Html {
        self.sink.finish()
    }

    fn parse_error(&self, message: Cow<'static, str>) {
        self.sink.parse_error(message);
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.sink.set_quirks_mode(mode);
    }

    fn get_document(&self) -> NodeId {
        self.sink.get_document()
    }

    fn same_node(&self, one: &NodeId, other: &NodeId) -> bool {
        self.sink.same_node(one, other)
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Ref<'a, QualName> {
        self.sink.elem_name(target)
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        self.count_attributes(&attributes);
        self.note_name(&name.local);
        self.count(block(name.local.len()));
        self.sink.create_element(name, attributes, flags)
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.count(text_block(&text));
        self.sink.create_comment(text)
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        self.count(text_block(&name) + text_block(&public_id) + text_block(&system_id));
        self.sink.append_doctype_to_document(name, public_id, system_id);
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.appended(child, |child| self.sink.append(parent, child));
    }

    fn append_before_sibling(&self, sibling: &NodeId, child: NodeOrText<NodeId>) {
        self.appended(child, |child| self.sink.append_before_sibling(sibling, child));
    }

    fn append_based_on_parent_node(&self, element: &NodeId, before: &NodeId, child: NodeOrText<NodeId>) {
        self.appended(child, |child| self.sink.append_based_on_parent_node(element, before, child));
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.sink.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        self.sink.reparent_children(node, new_parent);
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        if !self.may_add(*target, attributes.len()) {
            return;
        }
        self.count_attributes(&attributes);
        self.sink.add_attrs_if_missing(target, attributes);
    }

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        self.sink.get_template_contents(target)
    }

    fn mark_script_already_started(&self, node: &NodeId) {
        self.sink.mark_script_already_started(node);
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.count(text_block(&target) + text_block(&data));
        self.sink.create_pi(target, data)
    }
}
