//! Catalogs of any size for tests and benches, as the sources that a directory would give.
//!
//! Version `v.0` (from 1) of Api `n` (from 0) answers at `/sample-n/v.0`, its newest version also at `/sample-n`. Its
//! resources are `/resource-r/{id}` for GET, PUT and DELETE, in turn with `/resource-r` for GET and POST; none of
//! them asks for a credential.

use super::source::Source;

/// Makes a catalog whose endpoints are all `http://127.0.0.1:9001`.
pub fn catalog(apis: usize, versions_each: usize, resources_each: usize) -> Vec<Source> {
    catalog_to("http://127.0.0.1:9001", apis, versions_each, resources_each)
}

/// Makes a catalog whose endpoints are all the same one.
pub fn catalog_to(endpoint: &str, apis: usize, versions_each: usize, resources_each: usize) -> Vec<Source> {
    (0..apis)
        .map(|number| api(number, endpoint, versions_each, resources_each))
        .collect()
}

/// Makes the file of one Api.
pub fn api(number: usize, endpoint: &str, versions: usize, resources: usize) -> Source {
    let mut text = format!("name = \"Sample {number}\"\ncontext = \"/sample-{number}\"\n");
    text.push_str(&format!("default_version = [\"{versions}.0\"]\n"));
    for version in 1..=versions {
        write_version(&mut text, version, endpoint, resources);
    }
    Source {
        name: format!("conf/catalog/apis/sample-{number}.toml").into(),
        text: text.into(),
    }
}

fn write_version(text: &mut String, version: usize, endpoint: &str, resources: usize) {
    text.push_str(&format!(
        "\n[[versions]]\nversion = \"{version}.0\"\nstate = \"published\"\n"
    ));
    text.push_str(&format!("\n[versions.endpoints]\nproduction = [\"{endpoint}\"]\n"));
    for number in 0..resources {
        let (path, methods) = match number % 2 {
            0 => (format!("/resource-{number}/{{id}}"), "\"GET\", \"PUT\", \"DELETE\""),
            _ => (format!("/resource-{number}"), "\"GET\", \"POST\""),
        };
        text.push_str(&format!(
            "\n[[versions.resources]]\npath = \"{path}\"\nmethods = [{methods}]\nauth = \"none\"\n"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::Catalog;
    use crate::model::source::NoReferences;

    #[test]
    fn a_sample_is_a_valid_catalog_of_the_size_asked_for() {
        let catalog = Catalog::believe(&catalog(3, 2, 5), &NoReferences).unwrap();
        assert_eq!(catalog.apis().len(), 3);
        for api in catalog.apis() {
            assert_eq!(api.versions.len(), 2);
            assert!(api.versions.iter().all(|version| version.resources.len() == 5));
            assert_eq!(
                api.context.full(&api.default_version[0]),
                format!("{}/2.0", api.context)
            );
        }
    }
}
