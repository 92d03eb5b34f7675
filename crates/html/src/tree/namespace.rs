//! The namespaces that occur in a page, in one byte.

use html5ever::{Namespace, ns};

/// The namespace of an element or attribute. html5ever's tree builder knows no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ns {
    /// That of nearly all attributes.
    None,
    Html,
    Svg,
    MathMl,
    XLink,
    Xml,
    /// That of `xmlns` itself.
    Declaration,
}

impl Ns {
    pub(super) fn of(namespace: &Namespace) -> Self {
        if *namespace == ns!() {
            // Nearly all attributes.
            return Self::None;
        }
        match *namespace {
            ns!(html) => Self::Html,
            ns!(svg) => Self::Svg,
            ns!(mathml) => Self::MathMl,
            ns!(xlink) => Self::XLink,
            ns!(xml) => Self::Xml,
            ns!(xmlns) => Self::Declaration,
            _ => Self::None,
        }
    }

    pub(super) fn namespace(self) -> &'static Namespace {
        static NAMESPACES: [Namespace; 7] =
            [ns!(), ns!(html), ns!(svg), ns!(mathml), ns!(xlink), ns!(xml), ns!(xmlns)];
        &NAMESPACES[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_namespace_is_itself() {
        for namespace in [ns!(), ns!(html), ns!(svg), ns!(mathml), ns!(xlink), ns!(xml), ns!(xmlns)] {
            assert_eq!(*Ns::of(&namespace).namespace(), namespace);
        }
    }
}
