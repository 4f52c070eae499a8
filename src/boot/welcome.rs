//! What the first start says: who signs in where, or the one command that makes somebody who can. There is no default
//! password.

use std::net::SocketAddr;
use std::path::Path;

use admin::registry::view::View;
use tracing::info;

use crate::settings::Settings;

/// Says how to sign in, of a registry that nobody had put anything in.
pub(super) fn welcome(view: &View, settings: &Settings) {
    for line in lines(view, settings) {
        info!("{line}");
    }
}

fn lines(view: &View, settings: &Settings) -> Vec<String> {
    let url = url(&settings.admin.http, &settings.admin.https);
    let users = view.users(None);
    let file = settings.bootstrap.display();
    let mut lines = Vec::new();
    for role in ["admin", "publisher", "viewer"] {
        for user in users.iter().filter(|user| user.roles.iter().any(|known| known == role)) {
            lines.push(format!(
                "sign in at {url} as {} ({role}); the password is in {file}",
                user.name
            ));
        }
    }
    if !users.iter().any(|user| admin::oauth::operator::is_operator(user)) {
        let conf = settings.bootstrap.parent().filter(|conf| *conf != Path::new("conf"));
        let conf = conf
            .map(|conf| format!(" --conf {}", conf.display()))
            .unwrap_or_default();
        lines.push(format!(
            "nobody administers this gateway yet: `tollgate user add admin --role admin{conf}` makes the first \
             administrator, who signs in at {url}"
        ));
    }
    lines
}

/// Returns where the admin API is, as a browser on this machine says it.
fn url(http: &[SocketAddr], https: &[SocketAddr]) -> String {
    let (scheme, address) = match (http.first(), https.first()) {
        (Some(address), _) => ("http", address),
        (None, Some(address)) => ("https", address),
        (None, None) => return "the admin listener, once `[admin]` names an address".to_owned(),
    };
    if address.ip().is_unspecified() {
        format!("{scheme}://127.0.0.1:{}/", address.port())
    } else {
        format!("{scheme}://{address}/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_one_that_a_browser_can_open() {
        let at = |text: &str| vec![text.parse().unwrap()];
        assert_eq!(url(&at("127.0.0.1:9080"), &[]), "http://127.0.0.1:9080/");
        assert_eq!(url(&at("[::]:9080"), &at("0.0.0.0:9443")), "http://127.0.0.1:9080/");
        assert_eq!(url(&[], &at("[2001:db8::1]:9443")), "https://[2001:db8::1]:9443/");
    }
}
