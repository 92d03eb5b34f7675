//! The nodes of a tree, for reading.

use std::fmt;
use std::iter::FusedIterator;

use super::links::{Kind, NONE, Node};
use super::{Element, NodeId, Tree};

/// A node of a tree.
#[derive(Clone, Copy)]
pub struct NodeRef<'t> {
    tree: &'t Tree,
    id: u32,
}

/// The kinds of nodes, with what is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'t> {
    /// The document.
    Document,
    /// The content of a `template`: its first child, and the parent of everything in it.
    Content,
    /// A DOCTYPE.
    Doctype {
        /// Its name, such as `html`.
        name: &'t str,
        /// Its public identifier, or nothing.
        public_id: &'t str,
        /// Its system identifier, or nothing.
        system_id: &'t str,
    },
    /// A comment.
    Comment(&'t str),
    /// A text. No text follows another one.
    Text(&'t str),
    /// An element.
    Element(Element<'t>),
}

impl<'t> NodeRef<'t> {
    pub(super) fn new(tree: &'t Tree, id: u32) -> Self {
        Self { tree, id }
    }

    /// The tree that it is in.
    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    /// Which node it is.
    pub fn id(self) -> NodeId {
        NodeId(self.id)
    }

    /// What it is.
    pub fn value(self) -> Value<'t> {
        let node = self.stored();
        let text = |span| self.tree.texts.get(span);
        match node.kind {
            Kind::Document => Value::Document,
            Kind::Content => Value::Content,
            Kind::Doctype => {
                let [name, public_id, system_id] = self.tree.doctypes[node.span.start as usize].map(text);
                Value::Doctype { name, public_id, system_id }
            }
            Kind::Comment => Value::Comment(text(node.span)),
            Kind::Text => Value::Text(text(node.span)),
            Kind::Element => Value::Element(Element::new(self)),
        }
    }

    /// It, as an element.
    pub fn element(self) -> Option<Element<'t>> {
        (self.stored().kind == Kind::Element).then(|| Element::new(self))
    }

    /// Its text, if it is a text node.
    pub fn text(self) -> Option<&'t str> {
        let node = self.stored();
        (node.kind == Kind::Text).then(|| self.tree.texts.get(node.span))
    }

    pub(super) fn is_document(self) -> bool {
        self.stored().kind == Kind::Document
    }

    /// The node that it is in.
    pub fn parent(self) -> Option<Self> {
        self.at(self.stored().parent)
    }

    /// The first node in it.
    pub fn first_child(self) -> Option<Self> {
        self.at(self.stored().first)
    }

    /// The next node in the same parent.
    pub fn next_sibling(self) -> Option<Self> {
        self.at(self.stored().next)
    }

    /// The previous node in the same parent.
    pub fn previous_sibling(self) -> Option<Self> {
        self.at(self.stored().previous)
    }

    /// The nodes directly in it.
    pub fn children(self) -> Children<'t> {
        Children(self.first_child())
    }

    /// Its parent, the parent of that, and so on.
    pub fn ancestors(self) -> Ancestors<'t> {
        Ancestors(self.parent())
    }

    /// The node itself and all nodes below it, in document order.
    pub fn descendants(self) -> Descendants<'t> {
        Descendants { root: self, next: Some(self) }
    }

    pub(super) fn stored(self) -> &'t Node {
        self.tree.get(self.id)
    }

    fn at(self, id: u32) -> Option<Self> {
        (id != NONE).then_some(Self { tree: self.tree, id })
    }
}

/// Two nodes are equal if they are the same node of the same tree.
impl PartialEq for NodeRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && std::ptr::eq(self.tree, other.tree)
    }
}

impl Eq for NodeRef<'_> {}

impl fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// The nodes directly in a node. See [`NodeRef::children`].
#[derive(Clone)]
pub struct Children<'t>(Option<NodeRef<'t>>);

impl<'t> Iterator for Children<'t> {
    type Item = NodeRef<'t>;

    fn next(&mut self) -> Option<NodeRef<'t>> {
        let child = self.0?;
        self.0 = child.next_sibling();
        Some(child)
    }
}

impl FusedIterator for Children<'_> {}

/// The nodes that a node is in. See [`NodeRef::ancestors`].
#[derive(Clone)]
pub struct Ancestors<'t>(Option<NodeRef<'t>>);

impl<'t> Iterator for Ancestors<'t> {
    type Item = NodeRef<'t>;

    fn next(&mut self) -> Option<NodeRef<'t>> {
        let ancestor = self.0?;
        self.0 = ancestor.parent();
        Some(ancestor)
    }
}

impl FusedIterator for Ancestors<'_> {}

/// A node and all nodes below it. See [`NodeRef::descendants`].
#[derive(Clone)]
pub struct Descendants<'t> {
    root: NodeRef<'t>,
    next: Option<NodeRef<'t>>,
}

impl<'t> Iterator for Descendants<'t> {
    type Item = NodeRef<'t>;

    fn next(&mut self) -> Option<NodeRef<'t>> {
        let node = self.next?;
        self.next = node.first_child().or_else(|| self.behind(node));
        Some(node)
    }
}

impl FusedIterator for Descendants<'_> {}

impl<'t> Descendants<'t> {
    /// The node that follows `node` and everything in it.
    fn behind(&self, mut node: NodeRef<'t>) -> Option<NodeRef<'t>> {
        while node.id != self.root.id {
            match node.next_sibling() {
                Some(next) => return Some(next),
                None => node = node.parent()?,
            }
        }
        None
    }
}
