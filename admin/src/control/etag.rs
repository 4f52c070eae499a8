//! The mark by which a stated thing is told from what it was before.

use aws_lc_rs::digest::{SHA256, digest as hash};
use serde_json::Value;

/// Returns a digest of what is stated, in 32 hexadecimal digits: the same for the same statement, however it is written.
pub fn digest(stated: &Value) -> String {
    let mut digest = hex::encode(hash(&SHA256, sorted(stated).to_string().as_bytes()));
    digest.truncate(32);
    digest
}

/// Puts keys in order, whatever order the map keeps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(sorted).collect(),
        Value::Object(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect(),
            )
        }
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_statement_has_the_same_mark_in_whatever_order() {
        let one: Value = serde_json::from_str(r#"{"b": 1, "a": {"d": [1, 2], "c": null}}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"a": {"c": null, "d": [1, 2]}, "b": 1}"#).unwrap();
        assert_eq!(digest(&one), digest(&other));
        assert_ne!(digest(&one), digest(&json!({"b": 1, "a": {"d": [2, 1], "c": null}})));
        assert_eq!(digest(&one).len(), 32);
    }
}
