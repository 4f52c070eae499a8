//! A path template: `/a/{id}`, `/a/*`.
//!
//! A trailing slash is a segment of its own, the empty literal: `/a` and `/a/` are different resources. Literals are
//! compared with decoded segments, so a template may write them encoded or not.

use std::fmt;

use thiserror::Error;

/// A path template, cut into segments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    text: Box<str>,
    segments: Box<[Segment]>,
}

/// One segment of a template.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Segment {
    /// This text, compared with the decoded segment of a path.
    Literal(String),
    /// Any one non-empty segment.
    Parameter,
    /// The rest of the path, the empty rest included; always last.
    Rest,
}

/// Why a text is not a template.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum TemplateError {
    /// A character that a path cannot hold as itself.
    #[error("`{0}` cannot stand in a path")]
    Character(char),
    /// `.` or `..`, encoded or not.
    #[error("a path has no `.` and `..` segments")]
    Dots,
    /// Two slashes with nothing between them.
    #[error("a path has no empty segment, except after its last `/`")]
    Empty,
    /// A `%` that begins no encoded character, or bytes that are no UTF-8.
    #[error("`{0}` is no valid percent-encoding")]
    Encoding(String),
    /// A slash, backslash or control character, encoded.
    #[error("`{0}` cannot stand in a path, encoded or not")]
    Hidden(String),
    /// More than any request could match.
    #[error("a path is no longer than 2048 bytes")]
    Long,
    /// A `{` or `}` that is no parameter.
    #[error("`{0}` is no parameter: a parameter is a whole segment, `{{name}}`, of letters, digits, `_` and `-`")]
    Parameter(String),
    /// No `/` at its begin.
    #[error("a path begins with `/`")]
    Relative,
    /// The same parameter again.
    #[error("the parameter `{{{0}}}` stands in it twice")]
    Repeated(String),
    /// A `*` that is not the whole last segment.
    #[error("`*` stands for the rest of a path, as its whole last segment")]
    Star,
}

impl Template {
    /// Makes a text a template.
    ///
    /// # Errors
    ///
    /// Returns the first thing in it that no template has.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > 2048 {
            return Err(TemplateError::Long);
        }
        let written: Vec<&str> = text
            .strip_prefix('/')
            .ok_or(TemplateError::Relative)?
            .split('/')
            .collect();
        let last = written.len() - 1;
        let mut names = Vec::new();
        let mut segments = Vec::with_capacity(written.len());
        for (at, part) in written.into_iter().enumerate() {
            segments.push(segment(part, at == last, &mut names)?);
        }
        Ok(Self {
            text: text.into(),
            segments: segments.into(),
        })
    }

    /// Returns its segments, in order; `/` is one empty literal.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns what decides which paths it takes: two templates of one shape take the same paths, whatever their
    /// parameters are called.
    pub fn shape(&self) -> &[Segment] {
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

fn segment<'t>(part: &'t str, is_last: bool, names: &mut Vec<&'t str>) -> Result<Segment, TemplateError> {
    match part {
        "*" if is_last => return Ok(Segment::Rest),
        "" if !is_last => return Err(TemplateError::Empty),
        _ => {}
    }
    if let Some(name) = part
        .strip_prefix('{')
        .and_then(|part| part.strip_suffix('}'))
        .filter(|name| is_name(name))
    {
        if names.contains(&name) {
            return Err(TemplateError::Repeated(name.to_owned()));
        }
        names.push(name);
        return Ok(Segment::Parameter);
    }
    literal(part).map(Segment::Literal)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn literal(part: &str) -> Result<String, TemplateError> {
    if part.contains(['{', '}']) {
        return Err(TemplateError::Parameter(part.to_owned()));
    }
    if part.contains('*') {
        return Err(TemplateError::Star);
    }
    if let Some(character) = part.chars().find(|c| !stands_for_itself(*c)) {
        return Err(TemplateError::Character(character));
    }
    let decoded = decode(part)?;
    if matches!(decoded.as_str(), "." | "..") {
        return Err(TemplateError::Dots);
    }
    if decoded.contains(|c: char| c == '/' || c == '\\' || c.is_control()) {
        return Err(TemplateError::Hidden(part.to_owned()));
    }
    Ok(decoded)
}

/// Tells the characters of a path segment (RFC 3986, 3.3), `%` and any letter beyond ASCII; not `;`, which begins a
/// path parameter.
fn stands_for_itself(character: char) -> bool {
    match character {
        '%' | '-' | '.' | '_' | '~' | '!' | '$' | '&' | '\'' | '(' | ')' | '+' | ',' | '=' | ':' | '@' => true,
        _ if character.is_ascii() => character.is_ascii_alphanumeric(),
        _ => !character.is_control() && !character.is_whitespace(),
    }
}

fn decode(part: &str) -> Result<String, TemplateError> {
    let invalid = || TemplateError::Encoding(part.to_owned());
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'%', [high, low, after @ ..]) => (encoded(*high, *low).ok_or_else(invalid)?, after),
            (b'%', _) => return Err(invalid()),
            _ => (byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| invalid())
}

fn encoded(high: u8, low: u8) -> Option<u8> {
    let digit = |digit| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments(text: &str) -> Vec<Segment> {
        Template::parse(text).unwrap().segments().to_vec()
    }

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.into())
    }

    #[test]
    fn a_template_is_cut_into_segments() {
        assert_eq!(segments("/"), [literal("")]);
        assert_eq!(segments("/a"), [literal("a")]);
        assert_eq!(segments("/a/"), [literal("a"), literal("")]);
        assert_eq!(segments("/a/{id}/b"), [literal("a"), Segment::Parameter, literal("b")]);
        assert_eq!(segments("/a/*"), [literal("a"), Segment::Rest]);
        assert_eq!(segments("/*"), [Segment::Rest]);
        assert_eq!(segments("/{id}/"), [Segment::Parameter, literal("")]);
    }

    #[test]
    fn literals_are_decoded() {
        assert_eq!(segments("/caf%C3%A9/%41%2a"), [literal("café"), literal("A*")]);
        assert_eq!(segments("/café/a:b@c,d=e"), [literal("café"), literal("a:b@c,d=e")]);
        assert_eq!(segments("/..."), [literal("...")]);
    }

    #[test]
    fn what_no_template_has_is_named() {
        for (text, error) in [
            ("", TemplateError::Relative),
            ("a", TemplateError::Relative),
            ("//a", TemplateError::Empty),
            ("/a//", TemplateError::Empty),
            ("/a/../b", TemplateError::Dots),
            ("/%2E%2e", TemplateError::Dots),
            ("/./", TemplateError::Dots),
            ("/a%2Fb", TemplateError::Hidden("a%2Fb".into())),
            ("/a%5cb", TemplateError::Hidden("a%5cb".into())),
            ("/%00", TemplateError::Hidden("%00".into())),
            ("/a%", TemplateError::Encoding("a%".into())),
            ("/a%2", TemplateError::Encoding("a%2".into())),
            ("/%+1", TemplateError::Encoding("%+1".into())),
            ("/%FF", TemplateError::Encoding("%FF".into())),
            ("/a;b", TemplateError::Character(';')),
            ("/a?b", TemplateError::Character('?')),
            ("/a#b", TemplateError::Character('#')),
            ("/a b", TemplateError::Character(' ')),
            ("/a\\b", TemplateError::Character('\\')),
            ("/a\nb", TemplateError::Character('\n')),
            ("/*/a", TemplateError::Star),
            ("/a*", TemplateError::Star),
            ("/{id}.json", TemplateError::Parameter("{id}.json".into())),
            ("/{}", TemplateError::Parameter("{}".into())),
            ("/{1a}", TemplateError::Parameter("{1a}".into())),
            ("/{a/b}", TemplateError::Parameter("{a".into())),
            ("/{a}/{a}", TemplateError::Repeated("a".into())),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
        assert_eq!(
            Template::parse(&format!("/{}", "a".repeat(2048))),
            Err(TemplateError::Long)
        );
    }

    #[test]
    fn a_shape_forgets_what_parameters_are_called() {
        let shape = |text: &str| Template::parse(text).unwrap().shape().to_vec();
        assert_eq!(shape("/a/{id}"), shape("/%61/{name}"));
        assert_ne!(shape("/a/{id}"), shape("/a/*"));
        assert_ne!(shape("/a"), shape("/a/"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_its_literals_are_harmless(text in "(/|\\{|\\}|\\*|%|%2[eEfF]|%5c|\\.|;|a|é|\\PC){0,12}") {
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(template.as_str(), text.as_str());
                for segment in template.segments() {
                    if let Segment::Literal(literal) = segment {
                        prop_assert!(!literal.contains(['/', '\\', '\0']) && literal != "." && literal != "..");
                    }
                }
            }
        }
    }
}
