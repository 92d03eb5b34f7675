//! An element of a tree, for reading.

use std::fmt;
use std::ops::Deref;

use html5ever::{LocalName, Namespace};

use super::NodeRef;
use super::attributes::Attribute;
use super::namespace::Ns;

/// An element of a tree. It is also a [`NodeRef`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'t>(NodeRef<'t>);

impl<'t> Element<'t> {
    pub(super) fn new(node: NodeRef<'t>) -> Self {
        Self(node)
    }

    /// Its name. Elements of HTML have names in lower case.
    pub fn name(self) -> &'t LocalName {
        &self.0.stored().name
    }

    /// Its namespace: that of HTML, SVG or MathML.
    pub fn namespace(self) -> &'static Namespace {
        self.ns().namespace()
    }

    /// Whether it is an element of HTML, and not of a drawing or a formula.
    pub fn is_html(self) -> bool {
        self.ns() == Ns::Html
    }

    pub(super) fn ns(self) -> Ns {
        self.0.stored().ns
    }

    /// The value of an attribute. One with a prefix, such as `xlink:href` in a drawing, has another name.
    pub fn attr(self, name: &str) -> Option<&'t str> {
        self.find(|known| **known == *name)
    }

    /// The same for a name that is known already. This takes less time.
    pub fn attr_named(self, name: &LocalName) -> Option<&'t str> {
        self.find(|known| known == name)
    }

    /// Its attributes in the order of the page: namespace, name and value.
    pub fn attrs(self) -> impl Iterator<Item = (&'static Namespace, &'t LocalName, &'t str)> + Clone {
        let value = move |it: &Attribute| self.value_of(it);
        self.stored_attributes().iter().map(move |it| (it.ns.namespace(), &it.name, value(it)))
    }

    /// The text nodes below it, in document order.
    pub fn texts(self) -> impl Iterator<Item = &'t str> {
        self.0.descendants().filter_map(NodeRef::text)
    }

    /// The elements directly in it.
    pub fn child_elements(self) -> impl Iterator<Item = Element<'t>> {
        self.0.children().filter_map(NodeRef::element)
    }

    pub(super) fn stored_attributes(self) -> &'t [Attribute] {
        self.0.tree().attributes.get(self.0.stored().span)
    }

    pub(super) fn value_of(self, attribute: &Attribute) -> &'t str {
        self.0.tree().texts.get(attribute.value)
    }

    fn find(self, mut is_it: impl FnMut(&LocalName) -> bool) -> Option<&'t str> {
        let found = self.stored_attributes().iter().find(|it| it.ns == Ns::None && is_it(&it.name))?;
        Some(self.value_of(found))
    }
}

impl<'t> Deref for Element<'t> {
    type Target = NodeRef<'t>;

    fn deref(&self) -> &NodeRef<'t> {
        &self.0
    }
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name())?;
        for (_, name, value) in self.attrs() {
            write!(f, " {name}={value:?}")?;
        }
        f.write_str(">")
    }
}
