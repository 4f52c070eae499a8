//! A path template: `/a/{id}`, `/a/*`.

use std::fmt;

/// A path template, cut into segments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    text: String,
    segments: Vec<Segment>,
}

/// One segment of a template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Segment {
    /// This text, compared with the decoded segment of a path.
    Literal(String),
    /// Any one non-empty segment.
    Parameter,
    /// The rest of the path, the empty rest included; always last.
    Rest,
}

impl Template {
    /// Returns its segments, in order; `/` is one empty literal.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns it as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
