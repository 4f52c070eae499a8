//! What is said of a thing: the table of a file as JSON, in the shape of a type of the model.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::writing::wanted;
use crate::control::object::Object;
use crate::control::publish::Revision;
use crate::control::secrets::hide_secrets;
use crate::http::admin::principal::Principal;
use crate::http::admin::{Answer, Means};
use crate::http::problem::Problem;

/// What is said of a thing. Whether it holds is for the writer of the catalog to say.
#[derive(Clone, Debug)]
pub(super) struct Said<T>(pub(super) Value, PhantomData<fn() -> T>);

impl<T> Said<T> {
    pub(super) fn of(value: Value) -> Self {
        Self(value, PhantomData)
    }
}

impl<T> Serialize for Said<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Said<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(|table| Self::of(Value::Object(table)))
    }
}

impl<T: JsonSchema> JsonSchema for Said<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Finds what is said of a thing, and the revision that says it. Who may not write it does not see its secrets.
///
/// # Errors
///
/// Returns 404 where it is not there, or is not for whoever asks to see.
pub(super) fn find<T>(means: &Means, who: &Principal, object: &Object) -> Answer<(Said<T>, Revision)> {
    let stated = means.control.stated();
    let found = stated.find(object).filter(|_| who.sees(object.tenant()));
    let value = found
        .ok_or_else(|| Problem::missing(format!("there is no {object}")))?
        .value;
    Ok((seen(who, object, value), stated.revision()))
}

/// Shows what is said of a thing, without its secrets to those who may not write it.
pub(super) fn seen<T>(who: &Principal, object: &Object, mut value: Value) -> Said<T> {
    if who.may(wanted(object), object.tenant()).is_err() {
        hide_secrets(&mut value);
    }
    Said::of(value)
}
