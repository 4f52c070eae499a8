//! Values that a settings file may state, each with one way to write it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// An address to listen on.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq)]
pub(super) struct Listen(#[schemars(with = "String")] pub(super) SocketAddr);

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| {
            Error::custom(format_args!(
                "`{text}` is not an address and a port, such as `127.0.0.1:8280` or `[::]:8280`"
            ))
        })
    }
}

/// A network, or one address as a network of its own.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq)]
pub(super) struct Network(#[schemars(with = "String")] pub(super) IpNet);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| {
            Error::custom(format_args!(
                "`{text}` is neither a network such as `10.0.0.0/8` nor an address such as `::1`"
            ))
        })
    }
}

/// How many worker threads: as many as there are processors, or a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Threads {
    Auto,
    Number(u64),
}

impl<'de> Deserialize<'de> for Threads {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ThreadsVisitor)
    }
}

struct ThreadsVisitor;

impl Visitor<'_> for ThreadsVisitor {
    type Value = Threads;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"auto\" or a number of threads")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Threads, E> {
        u64::try_from(number)
            .map(Threads::Number)
            .map_err(|_| E::custom("less than no threads"))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Threads, E> {
        Ok(Threads::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Threads, E> {
        match text {
            "auto" => Ok(Threads::Auto),
            // A number that came by way of a variable.
            _ => text
                .parse()
                .map(Threads::Number)
                .map_err(|_| E::custom(format_args!("`{text}` is neither \"auto\" nor a number of threads"))),
        }
    }
}

impl JsonSchema for Threads {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Threads".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "oneOf": [{ "const": "auto" }, { "type": "integer", "minimum": 1, "maximum": 1024 }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Values {
        listen: Option<Listen>,
        network: Option<Network>,
        threads: Option<Threads>,
    }

    fn value(text: &str) -> Result<Values, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn an_address_needs_a_number_and_a_port() {
        assert_eq!(value("listen = '[::1]:80'").unwrap().listen.unwrap().0.port(), 80);
        for wrong in ["localhost:80", "127.0.0.1", ":80", "127.0.0.1:70000"] {
            let message = value(&format!("listen = '{wrong}'")).unwrap_err();
            assert!(
                message.contains(&format!("`{wrong}`")) && message.contains("127.0.0.1:8280"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_lone_address_is_a_network_of_one() {
        let network = |text: &str| value(&format!("network = '{text}'")).map(|v| v.network.unwrap().0.to_string());
        assert_eq!(network("10.0.0.0/8").unwrap(), "10.0.0.0/8");
        assert_eq!(network("10.1.2.3").unwrap(), "10.1.2.3/32");
        assert_eq!(network("::1").unwrap(), "::1/128");
        assert!(network("10.0.0.0/33").unwrap_err().contains("neither"));
    }

    #[test]
    fn threads_are_automatic_or_counted() {
        let threads = |text: &str| value(&format!("threads = {text}")).map(|v| v.threads.unwrap());
        assert_eq!(threads("'auto'").unwrap(), Threads::Auto);
        assert_eq!(threads("4").unwrap(), Threads::Number(4));
        assert_eq!(threads("'4'").unwrap(), Threads::Number(4));
        assert!(threads("-1").is_err() && threads("'many'").is_err() && threads("true").is_err());
    }
}
