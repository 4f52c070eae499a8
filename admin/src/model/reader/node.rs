//! A tree as serde reads it.
//!
//! Ours instead of the TOML crate's, because a fault must keep its exact path and the names that would have been
//! right; and because it borrows, so that a file can be read again after something was taken out.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::fault::{Fault, Kind, listed};
use super::tree::{Entry, Item, Node, Step, Value};

impl<'de> de::Deserializer<'de> for &Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Blank => visitor.visit_str(""),
            Value::Boolean(truth) => visitor.visit_bool(*truth),
            Value::Float(float) => visitor.visit_f64(*float),
            Value::Integer(Some(integer)) => visitor.visit_i64(*integer),
            Value::Integer(None) => Err(de::Error::invalid_value(Unexpected::Other("the number"), &visitor)),
            Value::List { items, .. } => visitor.visit_seq(Items {
                items: items.iter().enumerate(),
            }),
            Value::Moment => Err(de::Error::invalid_type(Unexpected::Other("a date or time"), &visitor)),
            Value::Table { entries, .. } => visitor.visit_map(Entries {
                entries: entries.iter(),
                current: None,
            }),
            Value::Text(text) => visitor.visit_str(text),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if matches!(self.value, Value::Blank) {
            return visitor.visit_seq(Items {
                items: [].iter().enumerate(),
            });
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let word = match &self.value {
            Value::Blank => words.first().copied().unwrap_or_default(),
            Value::Text(word) => word.as_str(),
            Value::Boolean(_)
            | Value::Float(_)
            | Value::Integer(_)
            | Value::List { .. }
            | Value::Moment
            | Value::Table { .. } => return Err(self.unfit(&format!("one of {}", listed(words)))),
        };
        let word: StrDeserializer<'_, Fault> = word.into_deserializer();
        visitor.visit_enum(word)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

impl Node {
    fn unfit(&self, wanted: &str) -> Fault {
        let found = match &self.value {
            Value::Blank => "nothing".to_owned(),
            Value::Boolean(truth) => format!("`{truth}`"),
            Value::Float(_) | Value::Integer(_) => "the number".to_owned(),
            Value::List { .. } => "a list".to_owned(),
            Value::Moment => "a date or time".to_owned(),
            Value::Table { .. } => "a table".to_owned(),
            Value::Text(_) => "a text".to_owned(),
        };
        Kind::Unfit {
            found,
            wanted: wanted.to_owned(),
        }
        .into()
    }
}

struct Items<'t> {
    items: std::iter::Enumerate<std::slice::Iter<'t, Item>>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((index, item)) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(&item.node)
            .map(Some)
            .map_err(|fault: Fault| fault.reached_by(Step::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'t> {
    entries: std::slice::Iter<'t, Entry>,
    current: Option<&'t Entry>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(entry) = self.entries.next() else {
            return Ok(None);
        };
        self.current = Some(entry);
        let key: StrDeserializer<'_, Fault> = entry.key.as_str().into_deserializer();
        seed.deserialize(key)
            .map(Some)
            .map_err(|fault: Fault| fault.reached_by(Step::Key(entry.key.clone())))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let entry = self
            .current
            .take()
            .ok_or_else(|| Kind::Broken("a value was asked for before its key".into()))?;
        seed.deserialize(&entry.node)
            .map_err(|fault: Fault| fault.reached_by(Step::Key(entry.key.clone())))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}
