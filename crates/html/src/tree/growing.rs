//! A tree while html5ever's tree builder makes it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use html5ever::interface::ElemName;
use html5ever::tendril::StrTendril;
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute as TagAttribute, LocalName, Namespace, QualName};

use super::attributes::{Attribute, Attributes};
use super::links::{Kind, Links, NONE, Node};
use super::namespace::Ns;
use super::texts::{Span, Texts};
use super::{DOCUMENT, NodeId, Tree, lonely, position};
use crate::Input;

/// The bytes that a node takes, also its place in a list of elements that a user of the tree makes.
pub const NODE_BYTES: usize = size_of::<Node>() + size_of::<NodeId>();

/// The allocator's own bytes for a block of memory.
pub(super) const BLOCK_BYTES: usize = 16;

/// Adding an attribute to an element takes this many times as long as comparing two names.
const PAIRS_PER_ADDED: usize = 8;

/// Makes a [`Tree`] from what html5ever's tree builder says.
///
/// The tree builder may make many elements for one tag: it reopens what a paragraph left open, with all attributes. So the tree can be
/// much larger than its page. If you parse pages from strangers, look at [`bytes`](Self::bytes), [`names`](Self::names)
/// and [`attribute_pairs`](Self::attribute_pairs) after some tokens, and stop early.
pub struct GrowingTree {
    tree: RefCell<Tree>,
    /// The different names that are in the table of names that all threads share.
    names: RefCell<HashSet<LocalName>>,
    attribute_pairs: Cell<usize>,
    max_attribute_pairs: usize,
}

/// An element or another node, as the tree builder knows it. It has the name with it, because the tree builder mostly asks for that.
#[derive(Clone, Debug)]
pub struct Handle {
    id: u32,
    ns: Ns,
    name: LocalName,
}

impl Handle {
    /// The node.
    pub fn id(&self) -> NodeId {
        NodeId(self.id)
    }

    /// A node without a name.
    fn nameless(id: u32) -> Self {
        Self { id, ns: Ns::None, name: LocalName::default() }
    }
}

impl ElemName for &Handle {
    fn ns(&self) -> &Namespace {
        self.ns.namespace()
    }

    fn local_name(&self) -> &LocalName {
        &self.name
    }
}

impl GrowingTree {
    /// An empty tree for this text, with room for this number of nodes.
    pub fn new(input: &Input, nodes: usize) -> Self {
        let mut links = Links::with_capacity(nodes.max(1));
        links.add(lonely(Kind::Document, Ns::None, LocalName::default(), Span::EMPTY));
        let tree = Tree {
            nodes: links,
            attributes: Attributes::new(),
            texts: Texts::new(input.tendril()),
            doctypes: Vec::new(),
        };
        Self {
            tree: RefCell::new(tree),
            names: RefCell::default(),
            attribute_pairs: Cell::new(0),
            max_attribute_pairs: usize::MAX,
        }
    }

    /// When more pairs of attributes would have to be compared (see [`Self::attribute_pairs`]), further tags of an element add nothing.
    #[must_use]
    pub fn with_max_attribute_pairs(mut self, max: usize) -> Self {
        self.max_attribute_pairs = max;
        self
    }

    /// The bytes that the tree takes, without the page's text.
    pub fn bytes(&self) -> usize {
        let tree = self.tree.borrow();
        tree.nodes.len() * NODE_BYTES + tree.attributes.len() * size_of::<Attribute>() + tree.texts.bytes()
    }

    /// How many pairs of attributes were compared because a further `html` or `body` tag added to the element that was there. It is
    /// more than the maximum if tags were ignored for that.
    pub fn attribute_pairs(&self) -> usize {
        self.attribute_pairs.get()
    }

    /// How many different names the elements and attributes have, apart from those that are known or very short.
    pub fn names(&self) -> usize {
        self.names.borrow().len()
    }

    /// Notes a name that is in the table that all threads share.
    fn note_name(&self, name: &LocalName) {
        if name.is_dynamic() && !self.names.borrow().contains(name) {
            self.names.borrow_mut().insert(name.clone());
        }
    }

    /// Counts the pairs before they cost anything. `false` if they are too many already.
    fn may_add(&self, has: usize, attributes: usize) -> bool {
        let pairs = attributes.saturating_mul(has + attributes).saturating_mul(PAIRS_PER_ADDED);
        let sum = self.attribute_pairs.get().saturating_add(pairs);
        self.attribute_pairs.set(sum);
        sum <= self.max_attribute_pairs
    }

    fn make(&self, kind: Kind, text: &StrTendril) -> Handle {
        let tree = &mut *self.tree.borrow_mut();
        let span = tree.texts.keep(text);
        Handle::nameless(tree.nodes.add(lonely(kind, Ns::None, LocalName::default(), span)))
    }
}

impl Tree {
    /// Adds a text to the text that is `before`, if that is one. `false` if it is not.
    fn extended(&mut self, before: u32, text: &StrTendril) -> bool {
        if before == NONE || self.get(before).kind != Kind::Text {
            return false;
        }
        let node = self.nodes.get_mut(before);
        node.span = self.texts.extend(node.span, text);
        true
    }

    fn add_text(&mut self, text: &StrTendril) -> u32 {
        let span = self.texts.keep(text);
        self.nodes.add(lonely(Kind::Text, Ns::None, LocalName::default(), span))
    }

    fn append(&mut self, parent: u32, child: NodeOrText<Handle>) {
        match child {
            NodeOrText::AppendNode(child) => {
                self.nodes.detach(child.id);
                self.nodes.append(parent, child.id);
            }
            NodeOrText::AppendText(text) => {
                if !self.extended(self.get(parent).last, &text) {
                    let child = self.add_text(&text);
                    self.nodes.append(parent, child);
                }
            }
        }
    }

    /// If `sibling` is in nothing, `child` is afterwards in nothing too.
    fn insert_before(&mut self, sibling: u32, child: NodeOrText<Handle>) {
        if let NodeOrText::AppendNode(child) = &child {
            self.nodes.detach(child.id);
        }
        let (parent, previous) = (self.get(sibling).parent, self.get(sibling).previous);
        if parent == NONE {
            return;
        }
        match child {
            NodeOrText::AppendNode(child) => self.nodes.insert_before(sibling, child.id),
            NodeOrText::AppendText(text) => {
                if !self.extended(previous, &text) {
                    let child = self.add_text(&text);
                    self.nodes.insert_before(sibling, child);
                }
            }
        }
    }
}

impl TreeSink for GrowingTree {
    type Handle = Handle;
    type Output = Tree;
    type ElemName<'a> = &'a Handle;

    fn finish(self) -> Tree {
        self.tree.into_inner()
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn get_document(&self) -> Handle {
        Handle::nameless(DOCUMENT)
    }

    fn same_node(&self, one: &Handle, other: &Handle) -> bool {
        one.id == other.id
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> &'a Handle {
        target
    }

    fn create_element(&self, name: QualName, attributes: Vec<TagAttribute>, flags: ElementFlags) -> Handle {
        self.note_name(&name.local);
        let tree = &mut *self.tree.borrow_mut();
        let start = tree.attributes.end();
        for attribute in attributes {
            self.note_name(&attribute.name.local);
            let value = tree.texts.keep(&attribute.value);
            tree.attributes.push(Attribute::new(attribute.name, value));
        }
        let span = Span { start, end: tree.attributes.end() };
        let (ns, name) = (Ns::of(&name.ns), name.local);
        let id = tree.nodes.add(lonely(Kind::Element, ns, name.clone(), span));
        if flags.template {
            let content = lonely(Kind::Content, Ns::None, LocalName::default(), Span::EMPTY);
            let content = tree.nodes.add(content);
            tree.nodes.append(id, content);
        }
        Handle { id, ns, name }
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        self.make(Kind::Comment, &text)
    }

    /// Only XML has processing instructions. In HTML, they are comments.
    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.make(Kind::Comment, &StrTendril::from(format!("?{target} {data}")))
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        let tree = &mut *self.tree.borrow_mut();
        let at = position(tree.doctypes.len());
        tree.doctypes.push([&name, &public_id, &system_id].map(|text| tree.texts.keep(text)));
        let doctype = tree.nodes.add(lonely(Kind::Doctype, Ns::None, LocalName::default(), Span::own(at)));
        tree.nodes.append(DOCUMENT, doctype);
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.tree.borrow_mut().append(parent.id, child);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.tree.borrow_mut().insert_before(sibling.id, child);
    }

    fn append_based_on_parent_node(&self, element: &Handle, before: &Handle, child: NodeOrText<Handle>) {
        let tree = &mut *self.tree.borrow_mut();
        if tree.get(element.id).parent == NONE {
            tree.append(before.id, child);
        } else {
            tree.insert_before(element.id, child);
        }
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.tree.borrow_mut().nodes.detach(target.id);
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        self.tree.borrow_mut().nodes.move_children(node.id, new_parent.id);
    }

    fn add_attrs_if_missing(&self, target: &Handle, attributes: Vec<TagAttribute>) {
        let tree = &mut *self.tree.borrow_mut();
        let mut span = tree.get(target.id).span;
        if !self.may_add(tree.attributes.get(span).len(), attributes.len()) {
            return;
        }
        for attribute in attributes {
            let (ns, name) = (Ns::of(&attribute.name.ns), &attribute.name.local);
            if tree.attributes.get(span).iter().any(|known| known.name == *name && known.ns == ns) {
                continue;
            }
            self.note_name(name);
            let value = tree.texts.keep(&attribute.value);
            span = tree.attributes.add(span, Attribute::new(attribute.name, value));
        }
        tree.nodes.get_mut(target.id).span = span;
    }

    fn get_template_contents(&self, target: &Handle) -> Handle {
        Handle::nameless(self.tree.borrow().get(target.id).first)
    }
}
