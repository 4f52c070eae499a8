//! The JSON Schema of a catalog file, for editors; made from the same types that files are read into.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::document::Document;

/// Returns the JSON Schema (draft 2020-12) of a catalog file.
pub fn catalog_schema() -> Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Document>()
        .to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_knows_every_key_and_refuses_others() {
        let schema = catalog_schema();
        assert_eq!(schema["additionalProperties"], Value::Bool(false));
        for key in [
            "name",
            "context",
            "tenant",
            "default_version",
            "scopes",
            "versions",
            "tenants",
            "tiers",
            "counting_rules",
            "deny",
            "key_managers",
        ] {
            let description = schema["properties"][key]["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{key}");
        }
        let version = &schema["$defs"]["Version"];
        assert_eq!(version["required"], serde_json::json!(["version"]));
        assert_eq!(
            version["properties"]["subscribers"]["anyOf"][0]["enum"][1],
            "all_tenants"
        );
        for key in [
            "authorization_header",
            "api_key_header",
            "key_managers",
            "client_certificates",
        ] {
            assert!(version["properties"][key]["description"].is_string(), "{key}");
        }
        assert_eq!(version["properties"]["backend_jwt"]["type"], "boolean");
        assert_eq!(
            schema["$defs"]["KeyManager"]["required"],
            serde_json::json!(["name", "issuer"])
        );
        assert_eq!(schema["$defs"]["Limit"]["properties"]["per"]["type"][0], "string");
        assert_eq!(schema["$defs"]["CalendarSpan"]["oneOf"][2]["const"], "day");
        for (name, key) in [
            ("Tier", "groups"),
            ("CountingRule", "key"),
            ("DenyRule", "not_ip"),
            ("Condition", "ip"),
        ] {
            assert!(
                schema["$defs"][name]["properties"][key]["description"].is_string(),
                "{name}"
            );
            assert_eq!(schema["$defs"][name]["additionalProperties"], Value::Bool(false));
        }
    }
}
