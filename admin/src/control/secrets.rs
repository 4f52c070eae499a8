//! What of a catalog is a secret, and not to be shown with the rest.

use serde_json::Value;

/// Hides what proves the gateway to others; what only names a variable is no secret.
pub fn hide_secrets(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(hide_secrets),
        Value::Object(table) => table.iter_mut().for_each(|(key, value)| match value {
            Value::String(text) if is_secret(key, text) => HIDDEN.clone_into(text),
            Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_) | Value::String(_) => {
                hide_secrets(value);
            }
        }),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_secret(key: &str, text: &str) -> bool {
    let names_another = text.starts_with("${") && text.ends_with('}');
    (key == "client_secret" && !names_another) || text.contains("PRIVATE KEY")
}

const HIDDEN: &str = "********";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_however_deep_they_stand_and_nothing_else_is() {
        let key = "-----BEGIN PRIVATE KEY-----";
        let mut value = json!({"scopes": [{"key": "read"}], "introspection": {"client_id": "us", "client_secret": "hush"},
            "versions": [{"endpoints": {"tls": {"key": key, "ca": "file:ca.pem"}}}], "other": {"client_secret": "${SECRET}"}});
        let expected = value.to_string().replace("hush", HIDDEN).replace(key, HIDDEN);
        hide_secrets(&mut value);
        assert_eq!(value.to_string(), expected);
    }
}
