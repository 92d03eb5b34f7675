//! The attributes of all elements in one list.

use html5ever::{LocalName, QualName};

use super::namespace::Ns;
use super::position;
use super::texts::Span;

/// One attribute.
pub(super) struct Attribute {
    pub(super) name: LocalName,
    pub(super) value: Span,
    pub(super) ns: Ns,
}

impl Attribute {
    pub(super) fn new(name: QualName, value: Span) -> Self {
        Self { ns: Ns::of(&name.ns), name: name.local, value }
    }
}

/// All attributes. Those of an element stand next to each other, unless a later tag has added some: then they have a list of
/// their own. That is so only for `html` and `body`.
pub(super) struct Attributes {
    all: Vec<Attribute>,
    own: Vec<Vec<Attribute>>,
    own_count: usize,
}

impl Attributes {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), own: Vec::new(), own_count: 0 }
    }

    pub(super) fn get(&self, span: Span) -> &[Attribute] {
        match span.as_own() {
            Some(at) => &self.own[at],
            None => &self.all[span.start as usize..span.end as usize],
        }
    }

    /// How many there are, of all elements.
    pub(super) fn len(&self) -> usize {
        self.all.len() + self.own_count
    }

    /// The end of the list: where the next one comes.
    pub(super) fn end(&self) -> u32 {
        position(self.all.len())
    }

    /// Adds an attribute of the newest element.
    pub(super) fn push(&mut self, attribute: Attribute) {
        self.all.push(attribute);
    }

    /// Adds an attribute to those of any element. Returns where these are now.
    pub(super) fn add(&mut self, span: Span, attribute: Attribute) -> Span {
        self.own_count += 1;
        if let Some(at) = span.as_own() {
            self.own[at].push(attribute);
            return span;
        }
        let known = self.get(span).iter();
        let mut own: Vec<Attribute> =
            known.map(|it| Attribute { name: it.name.clone(), value: it.value, ns: it.ns }).collect();
        self.own_count += own.len();
        own.push(attribute);
        self.own.push(own);
        Span::own(position(self.own.len() - 1))
    }
}
