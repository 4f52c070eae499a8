//! What the reader promises: places that are right, and every problem at once.

use serde::Deserialize;

use super::*;
use crate::model::source::NoReferences;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Shop {
    name: String,
    open: bool,
    mood: Mood,
    shelves: Vec<Shelf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what matters is what is refused")]
struct Shelf {
    label: String,
    #[serde(default)]
    places: u16,
    #[serde(default)]
    words: Vec<String>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Mood {
    #[default]
    Cheerful,
    VerySad,
}

fn source(text: &str) -> Source {
    Source {
        name: "shop.toml".into(),
        text: text.into(),
    }
}

fn refused(text: &str) -> Vec<String> {
    let violations = read::<Shop>(&source(text), &NoReferences).map(|_| ()).unwrap_err();
    violations
        .iter()
        .map(|v| {
            let fix = v.fix.as_deref().unwrap_or_default();
            format!("{}:{} {}: {} | {fix}", v.line, v.column, v.path, v.message)
        })
        .collect()
}

#[test]
fn a_good_file_is_read_with_the_places_of_its_parts() {
    let text =
        "name = \"Böse\"\n\n[[shelves]]\nlabel = 'a'\n\n[[shelves]]\n  words = [\"é\", \"x\"]\n  label = \"b\"\n";
    let (shop, places) = read::<Shop>(&source(text), &NoReferences).unwrap();
    assert_eq!(
        (shop.name.as_str(), shop.shelves.len(), shop.mood),
        ("Böse", 2, Mood::Cheerful)
    );
    let at = |path: &str| (places.place(path).line, places.place(path).column);
    assert_eq!(at(""), (1, 1));
    assert_eq!(at("name"), (1, 8));
    assert_eq!(at("shelves[0]"), (3, 1));
    assert_eq!(at("shelves[1].words[1]"), (7, 17));
    assert_eq!(
        at("shelves[1].places"),
        (6, 1),
        "what is not stated is looked for in the table around it"
    );
    assert!(places.states("shelves[1].label") && !places.states("shelves[1].places"));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let found = refused(
        "nam = \"x\"\nopen = \"yes\"\nmood = 'very-sad'\n\n[[shelves]]\nlabel = 3.0\nplaces = 70000\n\n\
         [[shelves]]\nlabl = 'x'\nwords = ['a', 2, 'c', false]\n\n[[shelves]]\nplaces = 1\n",
    );
    assert_eq!(
        found,
        [
            "1:1 nam: unknown key `nam` | did you mean `name`?",
            "2:8 open: `open` cannot be `yes` | write `true` or `false`",
            "3:8 mood: `mood` cannot be `very-sad` | did you mean `very_sad`? the words here are `cheerful`, `very_sad`",
            "6:9 shelves[0].label: `label` cannot be the number `3.0` | write it in quotes: `\"3.0\"`",
            "7:10 shelves[0].places: `places` cannot be the number `70000` | write a whole number from 0 to 65535",
            "10:1 shelves[1].labl: unknown key `labl` in `shelves[1]` | did you mean `label`?",
            "11:15 shelves[1].words[1]: `words[1]` cannot be the number `2` | write it in quotes: `\"2\"`",
            "11:23 shelves[1].words[3]: `words[3]` cannot be `false` | write it in quotes: `\"false\"`",
            "13:1 shelves[2]: `shelves[2]` has no `label` | add `label`",
        ]
    );
}

#[test]
fn everything_that_a_table_lacks_is_said() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what matters is what is refused")]
    struct Book {
        title: String,
        mood: Mood,
        pages: Vec<u16>,
        next: Option<Box<Self>>,
        price: u16,
        place: String,
    }
    #[derive(Debug, Deserialize)]
    struct Library {
        books: Vec<Book>,
    }
    let text = "[[books]]\nplace = 1\nnext = { title = 'b', pages = [1, 'x'] }\n\n[[books]]\ntitel = 'c'\n";
    let reading = recover::<Library>(&source(text), &NoReferences);
    let messages: Vec<_> = reading.violations.iter().map(|v| v.message.as_str()).collect();
    // What nothing can stand in for, such as a number, ends the search; the next round tells the rest.
    let expected = [
        "`books[0]` has no `mood`",
        "`books[0]` has no `pages`",
        "`books[0]` has no `price`",
        "`books[0]` has no `title`",
        "`place` cannot be the number `1`",
        "`next` has no `mood`",
        "`next` has no `price`",
        "`pages[1]` cannot be `x`",
        "`books[1]` has no `mood`",
        "`books[1]` has no `pages`",
        "`books[1]` has no `price`",
        "unknown key `titel` in `books[1]`",
    ];
    assert_eq!(messages, expected);
    let (library, places) = reading.kept.unwrap();
    assert!(library.books.is_empty() && places.lost("books"));
    assert_eq!(
        recover::<Book>(&source(""), &NoReferences).violations.len(),
        4,
        "also of the file itself"
    );
}

#[test]
fn giving_up_is_said_at_the_end() {
    let text: String = (0..300).map(|number| format!("key{number} = 1\n")).collect();
    let found = refused(&text);
    assert_eq!(found.len(), MOST_REFUSALS + 1);
    assert_eq!(
        found.last().unwrap(),
        "301:1 : too much is wrong with this file: 200 problems are shown, and there may be more | fix these first"
    );
    let text: String = (0..199).map(|number| format!("key{number} = 1\n")).collect();
    assert_eq!(refused(&text).len(), 199);
}

#[test]
fn an_unknown_key_like_no_other_lists_the_known_ones() {
    assert_eq!(
        refused("[[shelves]]\nlabel = 'x'\ncolour = 'red'"),
        ["3:1 shelves[0].colour: unknown key `colour` in `shelves[0]` | the keys here are `label`, `places`, `words`"]
    );
}

#[test]
fn every_syntax_error_is_said() {
    let found = refused("name = \n[[shelves]\nlabel = 'x'\nname == 2\n");
    assert!(found.len() >= 3, "{found:?}");
    assert!(found[0].starts_with("1:"), "{found:?}");
    assert_eq!(
        refused("name = 'a'\nname = 'b'"),
        ["2:1 : the key `name` is stated twice | "]
    );
}

#[test]
fn columns_count_characters_whatever_the_file_is_like() {
    for text in ["\u{feff}open = 1", "open = 1\r\n", "# ünï\r\nopen = 1"] {
        let line = text.lines().count();
        assert_eq!(
            refused(text),
            [format!(
                "{line}:8 open: `open` cannot be the number `1` | write `true` or `false`"
            )]
        );
    }
    assert_eq!(
        refused("mood = 'cheerful' \r\nshelves = [{ label = 'üüü', x = 1 }]")[0],
        "2:29 shelves[0].x: unknown key `x` in `shelves[0]` | the keys here are `label`, `places`, `words`"
    );
}

#[test]
fn a_value_of_another_shape_is_said() {
    let found = refused("name = [1]\nshelves = 2024-01-01\nmood = 3\nopen = { a = 1 }");
    assert_eq!(
        found,
        [
            "1:8 name: `name` cannot be a list | write a string",
            "2:11 shelves: `shelves` cannot be a date or time `2024-01-01` | write a list",
            "3:8 mood: `mood` cannot be the number `3` | write one of `cheerful`, `very_sad`",
            "4:8 open: `open` cannot be a table | write `true` or `false`",
        ]
    );
}

#[test]
fn variables_are_filled_in_where_they_stand() {
    assert_eq!(
        refused("[[shelves]]\nlabel = 'a'\nwords = ['${ONE}', 'x', '${TWO']"),
        [
            "3:10 shelves[0].words[0]: `words[0]`: the variable `ONE` is not set | set it, or write a default: `${ONE:-...}`",
            "3:25 shelves[0].words[2]: `words[2]`: `${` without `}` | write `${NAME}` or `${NAME:-default}`, and `$${` for the characters themselves",
        ]
    );
    assert_eq!(
        refused("mood = \"${ONE:-secret}\""),
        ["1:8 mood: `mood` cannot be what `${ONE:-secret}` stands for | the words here are `cheerful`, `very_sad`"]
    );
    let (shop, _) = read::<Shop>(&source("name = '${ONE:-x} $${ONE}'"), &NoReferences).unwrap();
    assert_eq!(shop.name, "x ${ONE}");
}

#[test]
fn absence_says_nothing_where_something_was_refused() {
    let text = "shelve = []\n\n[[shelves]]\nlabel = 1\n\n[[shelves]]\nlabel = 'b'\nwrods = []\n";
    let reading = recover::<Shop>(&source(text), &NoReferences);
    let (shop, places) = reading.kept.unwrap();
    assert_eq!(shop.shelves[0].label, "b");
    assert!(places.lost("shelves"), "an element was taken out");
    assert!(places.lost("shelves[0].words"), "it was misspelt");
    assert!(!places.lost("shelves[0].places") && !places.lost("name"));
    assert_eq!(
        places.blame("shelves[0].label", "x").path,
        "shelves[1].label",
        "the path counts what was written"
    );
}

#[test]
fn no_depth_breaks_the_reader() {
    let dots = ".a".repeat(100_000);
    for deep in [
        format!("a{dots} = 1"),
        format!("[a{dots}]"),
        format!("[[a{dots}]]"),
        format!("name = {}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("name = {}1{}", "{a=".repeat(100_000), "}".repeat(100_000)),
    ] {
        assert!(!refused(&deep).is_empty());
    }
}
