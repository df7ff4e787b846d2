//! An element of the XML, as the nodes are read from it.

use roxmltree::Node;

#[derive(Clone, Copy)]
pub(super) struct Element<'a, 'i>(pub Node<'a, 'i>);

impl<'a, 'i: 'a> Element<'a, 'i> {
    pub fn kind(self) -> &'a str {
        self.0.tag_name().name()
    }

    /// The node's name; `None`: it has none, and nothing can refer to it.
    pub fn name(self) -> Option<&'a str> {
        self.attribute("Name")
    }

    pub fn attribute(self, name: &str) -> Option<&'a str> {
        self.0.attribute(name).map(str::trim).filter(|t| !t.is_empty())
    }

    pub fn all(self) -> impl Iterator<Item = Element<'a, 'i>> {
        self.0.children().filter(Node::is_element).map(Element)
    }

    pub fn children(self, kind: &str) -> impl Iterator<Item = Element<'a, 'i>> {
        self.all().filter(move |e| e.kind() == kind)
    }

    pub fn child(self, kind: &str) -> Option<Element<'a, 'i>> {
        self.children(kind).next()
    }

    pub fn own_text(self) -> &'a str {
        self.0.text().unwrap_or_default().trim()
    }

    /// The text of the first child of that kind, unless it is empty.
    pub fn text(self, kind: &str) -> Option<&'a str> {
        self.child(kind).map(Element::own_text).filter(|t| !t.is_empty())
    }

    pub fn whole(self, kind: &str) -> Result<Option<i64>, String> {
        self.text(kind).map(|t| whole(kind, t)).transpose()
    }
}

/// A whole number: decimal or hexadecimal; what needs all 64 bits is a negative one.
pub(in crate::genapi) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        // `from_str_radix` would take a sign.
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(|n| n as i64),
        None => text.parse().ok().or_else(|| text.parse::<u64>().ok().map(|n| n as i64)),
    }
}

pub(super) fn whole(kind: &str, text: &str) -> Result<i64, String> {
    integer(text).ok_or_else(|| format!("has <{kind}> {}, which is no whole number", shown(text)))
}

pub(super) fn exact(kind: &str, text: &str) -> Result<f64, String> {
    let number = match text {
        "INF" | "+INF" => Some(f64::INFINITY),
        "-INF" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok().or_else(|| integer(text).map(|n| n as f64)),
    };
    number.ok_or_else(|| format!("has <{kind}> {}, which is no number", shown(text)))
}

/// Enough of a text to know it again.
pub(super) fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(60).collect::<String>())
}
