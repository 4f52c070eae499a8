//! Which word was probably meant.

/// Finds the word that another one was probably meant to be: the nearest by letters, if it is near enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let allowed = (length / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= allowed)
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Offers the word that another one was probably meant to be, as a violation's fix.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|meant| format!("did you mean `{meant}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIERS: [&str; 4] = ["Bronze", "Silver", "Gold", "Unlimited"];

    #[test]
    fn a_slip_of_the_keys_finds_the_word() {
        assert_eq!(nearest("Glod", TIERS), Some("Gold"));
        assert_eq!(nearest("gold", TIERS), Some("Gold"));
        assert_eq!(nearest("Unlimted", TIERS), Some("Unlimited"));
        assert_eq!(did_you_mean("Sliver", TIERS).as_deref(), Some("did you mean `Silver`?"));
    }

    #[test]
    fn another_word_altogether_finds_nothing() {
        assert_eq!(nearest("Platinum", TIERS), None);
        assert_eq!(nearest("", TIERS), None);
        assert_eq!(nearest("Gold", []), None);
    }
}
