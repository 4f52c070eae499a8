//! Other people's formats made one API document: OpenAPI 3 and Swagger 2 ([`openapi`]), apictl projects ([`apictl`]).
//!
//! Pure functions over texts and bytes: no file is opened and nothing is fetched. What a source says and Tollgate does
//! not take over becomes a [`Note`] with its place; what cannot be an API at all is a [`Violation`] whose `path` is a
//! JSON pointer. What a source leaves open, or says of its callers in words that are not known, asks for a credential.
//! Whether the document can be served is for the catalog to say, beside everything else that it holds.

mod add;
mod apictl;
mod archive;
mod endpoint;
mod fit;
mod naming;
mod note;
mod openapi;
mod resources;
mod tree;
mod version;
mod words;
mod write;

use crate::model::document::Document;
use crate::model::violation::Violation;

pub use add::add;
pub use apictl::apictl;
pub use archive::{Files, MAX_BYTES, MAX_FILES, unpack};
pub use naming::file_name;
pub use note::Note;
pub use openapi::openapi;
pub use write::write;

/// An API as a source states it.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The API, with the one version that the source describes.
    pub document: Document,
    /// What the source says and the document does not, in the order in which it was met.
    pub notes: Vec<Note>,
}

/// What whoever imports states instead of the source.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    /// The API's name.
    pub name: Option<String>,
    /// Its context.
    pub context: Option<String>,
    /// The version's label.
    pub version: Option<String>,
    /// The tenant that is to own it; the root tenant where neither this nor the source says so.
    pub tenant: Option<String>,
    /// The production endpoints.
    pub endpoints: Vec<String>,
}

/// Blames a place of a source, which is a JSON pointer.
fn blame(file: &str, at: &str, message: impl Into<String>) -> Violation {
    Violation {
        file: file.to_owned(),
        line: 0,
        column: 0,
        path: at.to_owned(),
        message: if at.is_empty() {
            message.into()
        } else {
            format!("{at}: {}", message.into())
        },
        fix: None,
    }
}
