//! The resources of one version as a tree of segments.
//!
//! A literal wins over a parameter and a parameter over a rest, at each segment from the left; a branch that has no
//! resource for the method is left again for the next one. The walk never visits a node twice, so its cost is bounded
//! by the size of one version's tree and does not grow with other versions or APIs.

use super::RouteId;
use crate::model::method::{MethodName, MethodSet};
use crate::model::template::{Segment, Template};

/// The resources of one version.
#[derive(Debug, Default)]
pub(super) struct Routes {
    root: Node,
}

/// What a path and a method led to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// A resource.
    Route(RouteId),
    /// Resources, none of which takes the method; these are the methods they take.
    OtherMethods(MethodSet),
    /// Nothing.
    Nothing,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted by their texts.
    literals: Vec<(Box<str>, Self)>,
    parameter: Option<Box<Self>>,
    ends: Vec<(MethodSet, RouteId)>,
    rests: Vec<(MethodSet, RouteId)>,
}

impl Routes {
    /// Adds a resource; the catalog has made sure that no two take the same paths and methods.
    pub(super) fn add(&mut self, template: &Template, methods: MethodSet, route: RouteId) {
        let mut node = &mut self.root;
        for segment in template.segments() {
            node = match segment {
                Segment::Literal(text) => node.literal(text),
                Segment::Parameter => node.parameter.get_or_insert_default(),
                Segment::Rest => {
                    make_room(&mut node.rests);
                    node.rests.push((methods, route));
                    return;
                }
            };
        }
        make_room(&mut node.ends);
        node.ends.push((methods, route));
    }

    /// Finds the resource for the decoded segments of a path. `method` is `None` where no resource can declare it.
    pub(super) fn find(&self, segments: &[impl AsRef<str>], method: Option<MethodName>) -> Found {
        let mut allowed = MethodSet::default();
        if let Some(route) = self.root.find(segments, method, &mut allowed) {
            return Found::Route(route);
        }
        if allowed.is_empty() {
            Found::Nothing
        } else {
            Found::OtherMethods(allowed)
        }
    }
}

impl Node {
    /// Returns what is below a literal segment.
    #[expect(clippy::indexing_slicing, reason = "a place that was found or filled")]
    fn literal(&mut self, text: &str) -> &mut Self {
        let place = self.literals.binary_search_by(|(literal, _)| (**literal).cmp(text));
        let place = place.unwrap_or_else(|place| {
            make_room(&mut self.literals);
            self.literals.insert(place, (text.into(), Self::default()));
            place
        });
        &mut self.literals[place].1
    }

    fn find(
        &self,
        segments: &[impl AsRef<str>],
        method: Option<MethodName>,
        allowed: &mut MethodSet,
    ) -> Option<RouteId> {
        let here = match segments.split_first() {
            None => pick(&self.ends, method, allowed),
            Some((first, rest)) => {
                let text = first.as_ref();
                let place = self.literals.binary_search_by(|(literal, _)| (**literal).cmp(text));
                let literal = place.ok().and_then(|place| self.literals.get(place));
                let literal = literal.and_then(|(_, node)| node.find(rest, method, allowed));
                literal.or_else(|| {
                    let node = self.parameter.as_deref().filter(|_| !text.is_empty())?;
                    node.find(rest, method, allowed)
                })
            }
        };
        here.or_else(|| pick(&self.rests, method, allowed))
    }
}

/// Makes room for one more in what most often stays short, and none to spare while it is: there are some of these for each
/// resource.
fn make_room<T>(list: &mut Vec<T>) {
    if list.len() < SHORT {
        list.reserve_exact(1);
    }
}

/// Longer lists grow as lists do.
const SHORT: usize = 8;

/// Picks the entry that takes the method; a GET entry takes HEAD where nothing declares HEAD itself.
fn pick(entries: &[(MethodSet, RouteId)], method: Option<MethodName>, allowed: &mut MethodSet) -> Option<RouteId> {
    let taking = |wanted| {
        entries
            .iter()
            .find(|(methods, _)| methods.contains(wanted))
            .map(|(_, route)| *route)
    };
    let by_get = || taking(MethodName::Get).filter(|_| method == Some(MethodName::Head));
    let found = method.and_then(taking).or_else(by_get);
    if found.is_none() {
        for (methods, _) in entries {
            *allowed = allowed.union(*methods);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn routes(templates: &[(&str, &[MethodName])]) -> Routes {
        let mut routes = Routes::default();
        for (index, (text, methods)) in templates.iter().enumerate() {
            let template = Template::parse(text).unwrap();
            routes.add(
                &template,
                methods.iter().copied().collect(),
                RouteId(u32::try_from(index).unwrap()),
            );
        }
        routes
    }

    fn found(routes: &Routes, path: &str, method: MethodName) -> Found {
        routes.find(&path[1..].split('/').collect::<Vec<_>>(), Some(method))
    }

    #[test]
    fn a_literal_wins_over_a_parameter_and_a_parameter_over_a_rest() {
        use MethodName::Get;
        let routes = routes(&[
            ("/a/*", &[Get]),
            ("/a/{id}", &[Get]),
            ("/a/b", &[Get]),
            ("/a/{id}/c", &[Get]),
        ]);
        for (path, expected) in [
            ("/a/b", 2),
            ("/a/x", 1),
            ("/a/b/c", 3),
            ("/a/b/d", 0),
            ("/a", 0),
            ("/a/", 0),
        ] {
            assert_eq!(found(&routes, path, Get), Found::Route(RouteId(expected)), "{path}");
        }
        assert_eq!(found(&routes, "/b", Get), Found::Nothing);
    }

    #[test]
    fn a_resource_of_another_method_does_not_hide_one_that_takes_it() {
        use MethodName::{Get, Post, Put};
        let routes = routes(&[("/a/b", &[Post]), ("/a/{id}", &[Get])]);
        assert_eq!(found(&routes, "/a/b", Get), Found::Route(RouteId(1)));
        assert_eq!(found(&routes, "/a/b", Post), Found::Route(RouteId(0)));
        let both = [Get, Post].into_iter().collect();
        assert_eq!(found(&routes, "/a/b", Put), Found::OtherMethods(both));
    }

    #[test]
    fn get_takes_head_unless_something_declares_it() {
        use MethodName::{Get, Head};
        assert_eq!(found(&routes(&[("/a", &[Get])]), "/a", Head), Found::Route(RouteId(0)));
        assert_eq!(
            found(&routes(&[("/a", &[Get]), ("/a", &[Head])]), "/a", Head),
            Found::Route(RouteId(1))
        );
    }

    #[test]
    fn a_trailing_slash_is_part_of_the_path() {
        use MethodName::Get;
        let routes = routes(&[("/a", &[Get]), ("/", &[Get]), ("/b/{id}", &[Get])]);
        assert_eq!(found(&routes, "/", Get), Found::Route(RouteId(1)));
        assert_eq!(found(&routes, "/a/", Get), Found::Nothing);
        assert_eq!(found(&routes, "/b/", Get), Found::Nothing, "a parameter is never empty");
    }

    /// Ranks a template for a path, segment by segment: lower is better, `None` is no match.
    fn rank(template: &Template, path: &[&str]) -> Option<Vec<u8>> {
        let mut ranks = Vec::new();
        let mut rest = path;
        for segment in template.segments() {
            match segment {
                Segment::Rest => {
                    ranks.push(2);
                    return Some(ranks);
                }
                Segment::Parameter if rest.first().is_some_and(|text| !text.is_empty()) => ranks.push(1),
                Segment::Literal(text) if rest.first() == Some(&text.as_str()) => ranks.push(0),
                Segment::Parameter | Segment::Literal(_) => return None,
            }
            rest = &rest[1..];
        }
        rest.is_empty().then_some(ranks)
    }

    proptest! {
        #[test]
        fn the_tree_finds_what_a_plain_search_finds(
            templates in proptest::collection::hash_set("(/(a|b|\\{p\\})){0,3}(/\\*)?", 1..12),
            path in "(/(a|b|c|)){1,4}",
        ) {
            let templates: Vec<String> = templates.into_iter()
                .map(|text| if text.is_empty() { "/".to_owned() } else { text })
                .filter(|text| text.matches("{p}").count() < 2)
                .collect();
            let mut routes = Routes::default();
            let parsed: Vec<Template> = templates.iter().map(|text| Template::parse(text).unwrap()).collect();
            let get: MethodSet = [MethodName::Get].into_iter().collect();
            for (index, template) in parsed.iter().enumerate() {
                routes.add(template, get, RouteId(u32::try_from(index).unwrap()));
            }
            let segments: Vec<&str> = path[1..].split('/').collect();
            let best = parsed.iter().enumerate()
                .filter_map(|(index, template)| Some((rank(template, &segments)?, index)))
                .min()
                .map_or(Found::Nothing, |(_, index)| Found::Route(RouteId(u32::try_from(index).unwrap())));
            prop_assert_eq!(routes.find(&segments, Some(MethodName::Get)), best);
        }
    }
}
