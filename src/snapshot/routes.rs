//! The resources of one version as a tree of segments.
//!
//! A literal wins over a parameter and a parameter over a rest, at each segment from the left; a branch that has no
//! resource for the method is left again for the next one. The walk never visits a node twice, so its cost is bounded
//! by the size of one version's tree and does not grow with other versions or APIs.

use std::collections::HashMap;

use super::RouteId;
use crate::model::method::{MethodName, MethodSet};
use crate::model::template::{Segment, Template};

/// The resources of one version.
#[derive(Debug, Default)]
pub struct Routes {
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
    literals: HashMap<Box<str>, Self>,
    parameter: Option<Box<Self>>,
    ends: Vec<(MethodSet, RouteId)>,
    rests: Vec<(MethodSet, RouteId)>,
}

impl Routes {
    /// Adds a resource; the catalog has made sure that no two take the same paths and methods.
    pub fn add(&mut self, template: &Template, methods: MethodSet, route: RouteId) {
        let mut node = &mut self.root;
        for segment in template.segments() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.as_str().into()).or_default(),
                Segment::Parameter => node.parameter.get_or_insert_default(),
                Segment::Rest => {
                    node.rests.push((methods, route));
                    return;
                }
            };
        }
        node.ends.push((methods, route));
    }

    /// Finds the resource for the decoded segments of a path. `method` is `None` where no resource can declare it.
    pub fn find(&self, segments: &[impl AsRef<str>], method: Option<MethodName>) -> Found {
        let mut allowed = MethodSet::default();
        if let Some(route) = self.root.find(segments, method, &mut allowed) {
            return Found::Route(route);
        }
        if allowed.is_empty() { Found::Nothing } else { Found::OtherMethods(allowed) }
    }
}

impl Node {
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
                let literal = self.literals.get(text).and_then(|node| node.find(rest, method, allowed));
                literal.or_else(|| {
                    let node = self.parameter.as_deref().filter(|_| !text.is_empty())?;
                    node.find(rest, method, allowed)
                })
            }
        };
        here.or_else(|| pick(&self.rests, method, allowed))
    }
}

/// Picks the entry that takes the method; a GET entry takes HEAD where nothing declares HEAD itself.
fn pick(
    entries: &[(MethodSet, RouteId)],
    method: Option<MethodName>,
    allowed: &mut MethodSet,
) -> Option<RouteId> {
    let taking = |wanted| entries.iter().find(|(methods, _)| methods.contains(wanted)).map(|(_, route)| *route);
    let found = method.and_then(|method| match method {
        MethodName::Head => taking(MethodName::Head).or_else(|| taking(MethodName::Get)),
        other => taking(other),
    });
    if found.is_none() {
        for (methods, _) in entries {
            *allowed = allowed.union(*methods);
        }
    }
    found
}
