//! Makes a piece of TOML say what a JSON value says, and leaves as it was written whatever says it already.
//!
//! Comments, order and formatting stay with the keys and tables that stay. What is new is written as the sample
//! configuration is: lists of things as `[[tables]]`, what is small on one line.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value as Json};
use toml_edit::{Array, ArrayOfTables, InlineTable, Item, RawString, Table, TableLike, Value};

/// Makes a table say what an object says. In a table on one line, all that is new goes on that line, too.
pub(super) fn merge(table: &mut dyn TableLike, to: &Map<String, Json>, on_one_line: bool) {
    let gone: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
    for key in gone.iter().filter(|key| !to.contains_key(*key)) {
        table.remove(key);
    }
    for (key, value) in in_order(to) {
        match table.get_mut(key) {
            Some(item) => {
                change(item, key, value, on_one_line);
            }
            None => {
                table.insert(key, written(key, value, on_one_line));
            }
        }
    }
}

/// Makes an item say something else; returns the comments about more than what goes with it, where nothing that stays
/// follows them.
pub(super) fn change(item: &mut Item, key: &str, to: &Json, on_one_line: bool) -> String {
    if json(item) == *to {
        return String::new();
    }
    match (&mut *item, to) {
        (Item::Table(table), Json::Object(to)) => merge(table, to, false),
        (Item::Value(Value::InlineTable(table)), Json::Object(to)) => merge(table, to, true),
        (Item::ArrayOfTables(tables), Json::Array(list)) if list.iter().all(Json::is_object) => {
            return merge_tables(tables, key, list);
        }
        (Item::Value(Value::Array(array)), Json::Array(list)) => merge_array(array, key, list),
        (Item::None | Item::Value(_) | Item::Table(_) | Item::ArrayOfTables(_), to) => {
            let decor = item.as_value().map(|value| value.decor().clone());
            *item = written(key, to, on_one_line);
            if let (Some(value), Some(decor)) = (item.as_value_mut(), decor) {
                *value.decor_mut() = decor;
            }
        }
    }
    String::new()
}

/// Makes `[[tables]]` say what a list says: each goes on as the table of the same name, in the order of the list.
fn merge_tables(tables: &mut ArrayOfTables, key: &str, list: &[Json]) -> String {
    let old: Vec<_> = tables.iter().cloned().collect();
    let named: Vec<_> = old.iter().map(|table| json(&Item::Table(table.clone()))).collect();
    let matched = matched(key, &named, list);
    let is_in_order = matched.iter().flatten().is_sorted();
    let mut orphans = Orphans::of(&matched, old.iter().map(paragraphs));
    tables.clear();
    for (to, from) in list.iter().zip(matched) {
        let mut table = from.and_then(|from| old.get(from)).cloned().unwrap_or_default();
        if let Some(comments) = from.and_then(|from| orphans.before(from)) {
            let own = table.decor().prefix().and_then(RawString::as_str).unwrap_or_default();
            let own = format!("{comments}\n{}", own.trim_start_matches('\n'));
            table.decor_mut().set_prefix(own);
        }
        if let Json::Object(to) = to {
            merge(&mut table, to, false);
        }
        if !is_in_order {
            forget_position(&mut table);
        }
        tables.push(table);
    }
    orphans.rest()
}

/// Returns the comments before a table that a blank line parts from it: they speak of more than that table.
fn paragraphs(table: &Table) -> Option<String> {
    let prefix = table.decor().prefix()?.as_str()?;
    let apart = prefix.get(..prefix.trim_end_matches([' ', '\t']).rfind("\n\n")? + 1)?;
    apart.contains('#').then(|| apart.to_owned())
}

/// Lets a table be written where it stands in its list, not where it stood in the file.
fn forget_position(table: &mut Table) {
    table.set_position(None);
    forget_positions(table);
}

/// Lets everything in a table be written in the order in which it stands there.
pub(super) fn forget_positions(table: &mut Table) {
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(table) => forget_position(table),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(forget_position),
            Item::None | Item::Value(_) => {}
        }
    }
}

/// Makes `[a, b]` say what a list says; a list over several lines stays one.
fn merge_array(array: &mut Array, key: &str, list: &[Json]) {
    let old: Vec<_> = array.iter().cloned().collect();
    let named: Vec<_> = old.iter().map(|value| json(&Item::Value(value.clone()))).collect();
    let matched = matched(key, &named, list);
    let lines = Lines::of(array, &old);
    array.clear();
    let mut behind = "";
    for (to, from) in list.iter().zip(matched) {
        let mut value = match from.and_then(|from| old.get(from)).cloned() {
            Some(Value::InlineTable(mut table)) if to.is_object() => {
                to.as_object().into_iter().for_each(|to| merge(&mut table, to, true));
                Value::InlineTable(table)
            }
            Some(value) => value,
            None => value(to),
        };
        match &lines {
            None => value.decor_mut().clear(),
            Some(lines) => {
                let before = from.map_or(lines.indent.as_str(), |from| lines.before(from));
                value.decor_mut().set_prefix(format!("{behind}{before}"));
                behind = from.map_or("", |from| lines.behind(from));
            }
        }
        array.push_formatted(value);
    }
    if let Some(lines) = &lines {
        array.set_trailing(format!("{behind}{}", lines.last.1));
    }
}

/// What stands between the elements of a list over several lines: comments behind an element are its own, and so is what
/// stands on lines before it.
struct Lines {
    /// Before each element: the end of the line of the element before it, and the lines up to it.
    between: Vec<(String, String)>,
    /// Before the end of the list.
    last: (String, String),
    /// A line break, and the blanks before an element.
    indent: String,
}

impl Lines {
    /// Returns nothing for a list on one line.
    fn of(array: &Array, elements: &[Value]) -> Option<Self> {
        let between: Vec<_> = elements
            .iter()
            .map(|value| parted(prefix(value).unwrap_or_default()))
            .collect();
        let first = between.iter().find(|(_, lines)| !lines.is_empty())?;
        let indent = first.1.rsplit('\n').next().map(|blanks| format!("\n{blanks}"));
        Some(Self {
            indent: indent.unwrap_or_default(),
            last: parted(array.trailing().as_str().unwrap_or_default()),
            between,
        })
    }

    fn before(&self, index: usize) -> &str {
        self.between.get(index).map_or("", |(_, lines)| lines)
    }

    fn behind(&self, index: usize) -> &str {
        &self.between.get(index + 1).unwrap_or(&self.last).0
    }
}

/// Parts a text where its first line ends.
fn parted(text: &str) -> (String, String) {
    let (line, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    if rest.is_empty() {
        (String::new(), line.to_owned())
    } else {
        (line.to_owned(), rest.to_owned())
    }
}

fn prefix(value: &Value) -> Option<&str> {
    value.decor().prefix()?.as_str()
}

/// Comments that stood before elements that go, and speak of what may stay.
struct Orphans(Vec<(usize, String)>);

impl Orphans {
    fn of(matched: &[Option<usize>], comments: impl Iterator<Item = Option<String>>) -> Self {
        let gone = comments
            .enumerate()
            .filter(|(index, _)| !matched.contains(&Some(*index)));
        Self(gone.filter_map(|(index, comment)| Some((index, comment?))).collect())
    }

    /// Takes those that stood before an element that stays.
    fn before(&mut self, index: usize) -> Option<String> {
        let all = std::mem::take(&mut self.0);
        let (before, after): (Vec<_>, Vec<_>) = all.into_iter().partition(|(at, _)| *at < index);
        self.0 = after;
        let taken: String = before.into_iter().map(|(_, comment)| comment).collect();
        Some(taken).filter(|taken| !taken.is_empty())
    }

    fn rest(self) -> String {
        self.0.into_iter().map(|(_, comment)| comment).collect()
    }
}

/// Finds, for each element of a list, the one that it goes on from: the one of the same name, or else of the same path.
fn matched(key: &str, old: &[Json], list: &[Json]) -> Vec<Option<usize>> {
    let mut taken = vec![false; old.len()];
    let mut matched = vec![None; list.len()];
    for name in [name_of as fn(&str, &Json) -> Option<Json>, path_of] {
        let mut free: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (index, old) in old
            .iter()
            .enumerate()
            .filter(|(index, _)| taken.get(*index) == Some(&false))
        {
            if let Some(name) = name(key, old) {
                free.entry(name.to_string()).or_default().push_back(index);
            }
        }
        for (to, from) in list.iter().zip(&mut matched).filter(|(_, from)| from.is_none()) {
            let wanted = name(key, to).map(|name| name.to_string());
            *from = wanted.and_then(|wanted| free.get_mut(&wanted)?.pop_front());
            if let Some(taken) = from.and_then(|index| taken.get_mut(index)) {
                *taken = true;
            }
        }
    }
    matched
}

/// Returns what tells an element of a list from its neighbours; all of it, where it has no name.
fn name_of(list: &str, element: &Json) -> Option<Json> {
    let keys: &[&str] = match list {
        _ if !element.is_object() => return Some(element.clone()),
        "versions" => &["version"],
        "resources" => &["path", "methods"],
        "scopes" => &["key", "tenant"],
        "tenants" => &["domain"],
        "tiers" => &["name", "level", "tenant"],
        "counting_rules" | "key_managers" | "groups" => &["name", "tenant"],
        _ => return Some(element.clone()),
    };
    Some(
        keys.iter()
            .map(|key| element.get(key).cloned().unwrap_or_default())
            .collect(),
    )
}

fn path_of(list: &str, element: &Json) -> Option<Json> {
    (list == "resources").then(|| element.get("path").cloned()).flatten()
}

/// Writes what is new.
pub(super) fn written(key: &str, to: &Json, on_one_line: bool) -> Item {
    let tables = to
        .as_array()
        .filter(|list| TABLES.contains(&key) && !list.is_empty() && list.iter().all(Json::is_object));
    let table = to.as_object().filter(|table| !is_small(table));
    match (tables, table) {
        (Some(list), _) if !on_one_line => {
            Item::ArrayOfTables(list.iter().filter_map(Json::as_object).map(new_table).collect())
        }
        (_, Some(table)) if !on_one_line => Item::Table(new_table(table)),
        (_, _) => Item::Value(value(to)),
    }
}

pub(super) fn new_table(to: &Map<String, Json>) -> Table {
    let mut table = Table::new();
    merge(&mut table, to, false);
    table
}

/// Tells what is written on one line.
fn is_small(table: &Map<String, Json>) -> bool {
    table.len() <= 3 && table.values().all(|value| !value.is_array() && !value.is_object())
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(""),
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => number
            .as_i64()
            .map(Value::from)
            .unwrap_or_else(|| Value::from(number.as_f64().unwrap_or_default())),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(list) => Value::Array(list.iter().map(value).collect::<Array>()),
        Json::Object(table) => {
            let entries = in_order(table)
                .into_iter()
                .map(|(key, json)| (key.as_str(), value(json)));
            Value::InlineTable(entries.collect::<InlineTable>())
        }
    }
}

/// Reads a piece of TOML as JSON. There are no dates in a catalog.
pub(super) fn json(item: &Item) -> Json {
    match item {
        Item::None => Json::Null,
        Item::Value(Value::String(text)) => Json::from(text.value().as_str()),
        Item::Value(Value::Integer(number)) => Json::from(*number.value()),
        Item::Value(Value::Float(number)) => Json::from(*number.value()),
        Item::Value(Value::Boolean(truth)) => Json::from(*truth.value()),
        Item::Value(Value::Datetime(moment)) => Json::from(moment.value().to_string()),
        Item::Value(Value::Array(array)) => array.iter().map(|value| json(&Item::Value(value.clone()))).collect(),
        Item::Value(Value::InlineTable(table)) => table_json(table),
        Item::Table(table) => table_json(table),
        Item::ArrayOfTables(tables) => tables.iter().map(|table| table_json(table)).collect(),
    }
}

/// Reads a table as JSON. A list of tables without any is not written, and so is not there.
pub(super) fn table_json(table: &dyn TableLike) -> Json {
    let is_there = |item: &Item| !item.is_none() && item.as_array_of_tables().is_none_or(|tables| !tables.is_empty());
    let entries = table.iter().filter(|(_, item)| is_there(item));
    Json::Object(entries.map(|(key, item)| (key.to_owned(), json(item))).collect())
}

/// Sorts the keys of what is new as people write them.
fn in_order(table: &Map<String, Json>) -> Vec<(&String, &Json)> {
    let mut entries: Vec<_> = table.iter().collect();
    let rank = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
    entries.sort_by_key(|(key, _)| rank(key));
    entries
}

/// Lists that are written as `[[tables]]`.
const TABLES: [&str; 8] = [
    "versions",
    "resources",
    "scopes",
    "tenants",
    "tiers",
    "counting_rules",
    "deny",
    "key_managers",
];

/// The keys that come first, in this order; the others follow.
const ORDER: [&str; 29] = [
    "domain",
    "key",
    "name",
    "context",
    "tenant",
    "level",
    "version",
    "state",
    "default_version",
    "path",
    "methods",
    "auth",
    "transports",
    "security",
    "tier",
    "roles",
    "limits",
    "requests",
    "bytes",
    "per",
    "issuer",
    "production",
    "sandbox",
    "timeout",
    "endpoints",
    "cache",
    "scopes",
    "versions",
    "resources",
];
