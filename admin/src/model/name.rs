//! Names given by people: one grammar, one parse, one Display each.

use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(String);

        impl $name {
            /// Returns it as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of an Api.
    ApiName
);
name!(
    /// The path prefix that names an Api inside its tenant: absolute, no trailing slash, may hold `{version}`.
    Context
);
name!(
    /// A hostname, in lower case, without a port.
    HostName
);
name!(
    /// The key of a scope, as tokens carry it.
    ScopeName
);
name!(
    /// The domain of a tenant, in lower case.
    TenantName
);
name!(
    /// The name of a tier.
    TierName
);
name!(
    /// The label of a version: one path segment of unreserved characters.
    VersionName
);
