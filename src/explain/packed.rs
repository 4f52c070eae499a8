//! Short texts that are kept together: one piece of memory for all of them, since many are kept and each is soon forgotten.

/// So many texts, any of which may be missing.
#[derive(Debug)]
pub(super) struct Packed<const N: usize> {
    text: Box<str>,
    /// Where each ends, whether or not it is there.
    ends: [u32; N],
    is_there: [bool; N],
}

impl<const N: usize> Packed<N> {
    /// Packs texts, each cut to its length in bytes.
    pub(super) fn of(texts: [(Option<&str>, usize); N]) -> Self {
        let is_there = texts.map(|(text, _)| text.is_some());
        let texts = texts.map(|(text, most)| cut(text.unwrap_or_default(), most));
        let mut all = String::with_capacity(texts.iter().map(|text| text.len()).sum());
        let ends = texts.map(|text| {
            all.push_str(text);
            u32::try_from(all.len()).unwrap_or(u32::MAX)
        });
        Self {
            text: all.into(),
            ends,
            is_there,
        }
    }

    /// Returns a text by its place.
    pub(super) fn get(&self, place: usize) -> Option<&str> {
        let begin = place.checked_sub(1).and_then(|before| self.ends.get(before));
        let range = begin.copied().unwrap_or_default() as usize..*self.ends.get(place)? as usize;
        let text = self.text.get(range);
        text.filter(|_| self.is_there.get(place) == Some(&true))
    }

    /// Returns how many bytes the texts take.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// Returns a text, or the beginning of a long one.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_found_as_it_was_cut() {
        let packed = Packed::of([(Some("one"), 9), (None, 9), (Some(""), 9), (Some("zwölf"), 3)]);
        let found: [_; 5] = std::array::from_fn(|place| packed.get(place));
        assert_eq!(found, [Some("one"), None, Some(""), Some("zw"), None]);
        assert_eq!(packed.bytes(), 5);
    }
}
